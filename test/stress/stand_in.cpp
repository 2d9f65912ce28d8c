// A compiler that pretends: in the place of the parts of Kiln that run LLVM it has functions of C++ for the kernels of
// kiln-stress, after a while. With it, and with the driver that runs nothing, the tracer, the JIT layer and the runtime
// are a program that a sanitizer for threads sees all of.
#include "kernels.h"
#include "world.h"

#include "fake_cuda.h"
#include "jit/executable.h"

#include "kiln/Conversion/TileGPUToThreads/AccessReport.h"
#include "kiln/Target/CPU/CPUTarget.h"
#include "kiln/Target/NVPTX/EmitPTX.h"
#include "kiln/Target/NVPTX/GPUCompiler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <random>
#include <thread>
#include <utility>

using namespace kiln;
using namespace kiln_stress;

namespace {

void take_a_while() {
  thread_local std::minstd_rand random{
      static_cast<unsigned>(std::hash<std::thread::id>()(std::this_thread::get_id()) | 1)};
  std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
}

/// What is to be compiled.
struct Wanted {
  std::string name;
  int salt = 0;

  explicit Wanted(mlir::ModuleOp module) {
    name = (*module.getOps<mlir::func::FuncOp>().begin()).getName().str();
    module.walk([&](mlir::arith::ConstantOp constant) {
      mlir::Attribute value = constant.getValue();
      if (auto splat = llvm::dyn_cast<mlir::SplatElementsAttr>(value))
        value = splat.getSplatValue<mlir::Attribute>();
      if (auto integer = llvm::dyn_cast<mlir::IntegerAttr>(value))
        if (std::int64_t number = integer.getInt() - salt_base; number >= 0 && number < salts)
          salt = static_cast<int>(number);
    });
  }
};

template <class T>
T argument(const void *const *args, int i) {
  return *static_cast<const T *>(args[i]);
}

/// The part of a kernel that program `id` of `num` does. \returns the first element that an assert fails for, or -1
std::int64_t run_program(std::string_view name, int salt, const void *const *args, std::int64_t id, std::int64_t num,
                         bool asserts) {
  const auto *in = argument<const std::int32_t *>(args, 0);
  auto *out = argument<std::int32_t *>(args, 1);
  const auto n = argument<std::int32_t>(args, 2);
  if (name == "row_sum") {
    out[id] = row_sums({in + id * n, static_cast<std::size_t>(n)}, static_cast<std::size_t>(n), {.salt = salt})[0];
    return -1;
  }
  for (std::int64_t i = n * id / num; i < n * (id + 1) / num; ++i) {
    if (asserts && name == "guarded" && in[i] < 0)
      return i;
    out[i] = in[i] * 3 + salt_base + salt;
  }
  return -1;
}

// ---- the CPU -------------------------------------------------------------------------------------------------------

using AssertFailed = std::int32_t (*)(void *, const cpu::ProgramInfo *, const char *, const char *, std::int64_t,
                                      const char *);
std::atomic<AssertFailed> assert_failed{nullptr};

enum Kind { mix, row_sum, guarded, kinds };
constexpr const char *names[] = {"mix", "row_sum", "guarded"};

/// Compiled code is a plain function, so there is one for each kernel and salt.
template <int K, int Salt>
std::int32_t entry(const void *const *args, const cpu::ProgramInfo *info, void *, void *context) {
  if (run_program(names[K], Salt, args, info->id[0], info->num[0], true) >= 0)
    return assert_failed.load()(context, info, "negative input", "kernels.cpp:1:1", 0, "");
  return 0;
}

template <int K, int... Salt>
cpu::Entry entry_of(int salt, std::integer_sequence<int, Salt...>) {
  static constexpr cpu::Entry table[] = {entry<K, Salt>...};
  return table[salt];
}

cpu::Entry entry_of(const Wanted &wanted) {
  constexpr std::make_integer_sequence<int, salts> all;
  return wanted.name == "row_sum"   ? entry_of<row_sum>(wanted.salt, all)
         : wanted.name == "guarded" ? entry_of<guarded>(wanted.salt, all)
                                    : entry_of<mix>(wanted.salt, all);
}

class Code : public cpu::CompiledKernel {
public:
  explicit Code(cpu::Entry entry) : entry_(entry) {}
  cpu::Entry entry() const override { return entry_; }
  std::size_t scratchBytes() const override { return 256; }

private:
  cpu::Entry entry_;
};

// ---- the GPU -------------------------------------------------------------------------------------------------------

/// Runs what the "PTX" says, at once. The driver's own compiler has put words in front of it.
void execute(const char *cubin, const unsigned *grid, void *const *parameters) {
  char name[32];
  int salt = 0;
  if (std::sscanf(cubin, "cubin of // %31s %d;", name, &salt) != 2)
    std::abort();
  for (unsigned id = 0; id < grid[0]; ++id)
    run_program(name, salt, parameters, id, grid[0], false);
}

} // namespace

llvm::Expected<std::unique_ptr<cpu::CompiledKernel>> cpu::compile(mlir::ModuleOp module, const Options &options) {
  take_a_while();
  for (const Symbol &symbol : options.symbols)
    if (symbol.first == "kiln_cpu_assert_failed")
      assert_failed.store(reinterpret_cast<AssertFailed>(symbol.second));
  return std::make_unique<Code>(entry_of(Wanted(module)));
}

llvm::Expected<gpu::CompiledKernel> gpu::compile(mlir::ModuleOp module, const GPUTarget &, const Options &options) {
  take_a_while();
  const Wanted wanted(module);
  if (wanted.name == "large") {
    mlir::emitError(module.getLoc()) << "there is no shared memory at all";
    return llvm::createStringError("there is no shared memory at all");
  }
  CompiledKernel kernel;
  kernel.name = wanted.name;
  kernel.numWarps = 4;
  kernel.ptx = "// " + wanted.name + " " + std::to_string(wanted.salt) + ";\n" + std::string(5000, '/');
  if (options.dump)
    options.dump("tile", kernel.ptx);
  return kernel;
}

std::string cpu::pipelineArguments(const Options &) { return "--pretend"; }
std::string cpu::hostDescription() { return "pretended"; }
std::string gpu::pipelineArguments(const GPUTarget &, const Options &) { return "--pretend"; }
std::string gpu::findLibdevice() { return ""; }
llvm::StringRef tile_gpu::describe(AccessKind) { return ""; }
llvm::StringRef tile_gpu::describe(tile::AccessLimit) { return ""; }
std::string tile_gpu::getSourcePlace(mlir::Location) { return ""; }

// Devices that nobody asks for here.
std::unique_ptr<jit::Executable> jit::make_emulated_executable(detail::TracedKernel, const Subject &, CompileOptions) {
  throw CompileError("error: there is no emulator here");
}
std::string jit::emulated_stage(detail::TracedKernel, const Subject &, CompileOptions, double, std::string_view) {
  throw CompileError("error: there is no emulator here");
}
std::unique_ptr<jit::Executable> jit::make_interpreter_executable(detail::TracedKernel, const Subject &,
                                                                  CompileOptions) {
  throw CompileError("error: there is no interpreter here");
}

World kiln_stress::prepare_world() {
  Dl_info info{};
  dladdr(reinterpret_cast<void *>(&fake::state), &info);
  setenv("KILN_CUDA_DRIVER", info.dli_fname, 1);
  setenv("KILN_ASSEMBLER", "driver", 1); // the pretended driver's
  fake::state().execute = execute;
  return {.pretends = true};
}

void kiln_stress::seen_exception(std::exception_ptr exception) {
  static std::mutex mutex;
  static auto *const seen = new std::vector<std::exception_ptr>;
  std::lock_guard lock(mutex);
  seen->push_back(std::move(exception));
}

std::optional<long long> kiln_stress::used_device_memory() {
  std::lock_guard lock(fake::state().mutex);
  long long bytes = 0;
  for (const auto &[address, size] : fake::state().memory)
    bytes += static_cast<long long>(size);
  return bytes;
}

std::optional<long long> kiln_stress::loaded_modules() { return fake::state().libraries.load(); }
