#include "executor.h"

#include "arena.h"
#include "emulated/launch.h"
#include "gpu.h"
#include "jit/emulated_code.h"

#include "kiln/Dialect/Tile/IR/Tile.h"
#include "kiln/Dialect/Tile/Transforms/Passes.h"
#include "kiln/Interpreter/Interpreter.h"
#include "kiln/Target/CPU/CPUTarget.h"
#include "kiln/Target/NVPTX/GPUCompiler.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/APFloat.h"

#include <cmath>
#include <cstring>
#include <random>
#include <sstream>
#include <sys/mman.h>
#include <unistd.h>

namespace kiln::fuzz {

// ---- memory

namespace {

const llvm::fltSemantics &semantics(Type type) {
  switch (type) {
  case Type::f8E4M3FN:
    return llvm::APFloat::Float8E4M3FN();
  case Type::f8E5M2:
    return llvm::APFloat::Float8E5M2();
  case Type::f16:
    return llvm::APFloat::IEEEhalf();
  case Type::bf16:
    return llvm::APFloat::BFloat();
  case Type::f32:
    return llvm::APFloat::IEEEsingle();
  default:
    return llvm::APFloat::IEEEdouble();
  }
}

double to_double(Type type, std::uint64_t bits) {
  return llvm::APFloat(semantics(type), llvm::APInt(unsigned(info(type).bits), bits)).convertToDouble();
}

std::uint64_t from_double(Type type, double value) {
  llvm::APFloat number(value);
  bool inexact;
  number.convert(semantics(type), llvm::APFloat::rmNearestTiesToEven, &inexact);
  return number.bitcastToAPInt().getZExtValue();
}

/// Memory that ends where a page begins that nobody may touch.
class GuardedMemory {
public:
  explicit GuardedMemory(std::size_t size) : size(size) {
    std::size_t page = std::size_t(sysconf(_SC_PAGESIZE));
    usable = (size + page - 1) / page * page;
    mapping = static_cast<unsigned char *>(
        mmap(nullptr, usable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mapped = usable + page;
    mprotect(mapping + usable, page, PROT_NONE);
  }
  GuardedMemory(GuardedMemory &&other)
      : size(other.size), usable(other.usable), mapped(other.mapped), mapping(other.mapping) {
    other.mapping = nullptr;
  }
  ~GuardedMemory() {
    if (mapping)
      munmap(mapping, mapped);
  }
  unsigned char *data() const { return mapping + usable - size; }

  std::size_t size;

private:
  std::size_t usable, mapped;
  unsigned char *mapping;
};

void fill(const Buffer &buffer, unsigned char *data, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (std::int64_t i = 0; i < buffer.elements; ++i) {
    std::uint64_t draw = random(), bits = 0;
    switch (buffer.contents) {
    case Contents::zeros:
      break;
    case Contents::any_bits: // for floats mostly numbers of moderate size, whose results are worth looking at
      bits = is_float(buffer.type) && draw % 4
                 ? from_double(buffer.type, std::ldexp(double(std::int64_t(random())), -60))
                 : random();
      if (draw % 16 == 1 && !is_float(buffer.type))
        bits = std::uint64_t(std::int64_t(draw >> 8) % 3);
      break;
    case Contents::page_numbers:
      bits = draw % 8;
      break;
    case Contents::tame:
      bits = from_double(buffer.type, std::ldexp(double(std::int64_t(draw)), -61));
      break;
    case Contents::small_integers: {
      std::int64_t value = std::int64_t(draw % 9) - 4;
      bits = is_float(buffer.type) ? from_double(buffer.type, double(value)) : std::uint64_t(value);
      break;
    }
    }
    if (buffer.type == Type::i1)
      bits &= 1;
    std::memcpy(data + i * bytes(buffer.type), &bits, std::size_t(bytes(buffer.type)));
  }
}

/// The memory of one run and the arguments that point into it.
class Arguments {
public:
  Arguments(const Program &program, std::uint64_t seed) : program(program) {
    for (std::size_t i = 0; i < program.buffers.size(); ++i) {
      const Buffer &buffer = program.buffers[i];
      memory.emplace_back(std::size_t(buffer.elements * bytes(buffer.type)));
      fill(buffer, memory.back().data(), seed * 1000003 + i);
      addresses.push_back(memory.back().data());
    }
    for (void *&address : addresses)
      slots.push_back(&address);
    for (const std::int32_t &scalar : program.scalars)
      slots.push_back(&scalar);
  }

  /// Whether an access lies in one of the buffers.
  bool holds(const void *address, std::size_t size) const {
    auto *begin = static_cast<const unsigned char *>(address);
    for (const GuardedMemory &buffer : memory)
      if (begin >= buffer.data() && begin + size <= buffer.data() + buffer.size)
        return true;
    return false;
  }

  Outcome outcome(std::string error) const {
    Outcome result{std::move(error), {}};
    for (const GuardedMemory &buffer : memory)
      result.memory.emplace_back(buffer.data(), buffer.data() + buffer.size);
    return result;
  }

  const Program &program;
  std::vector<GuardedMemory> memory;
  std::vector<void *> addresses;
  std::vector<const void *> slots;
};

// ---- modules

class Module {
public:
  explicit Module(const Program &program) : context(mlir::MLIRContext::Threading::DISABLED) {
    context.loadDialect<tile::TileDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect,
                        mlir::scf::SCFDialect, mlir::ub::UBDialect>();
    context.getDiagEngine().registerHandler([this](mlir::Diagnostic &diagnostic) {
      llvm::raw_string_ostream(messages) << diagnostic.getLocation() << ": " << diagnostic << "\n";
      return mlir::success();
    });
    module = mlir::parseSourceString<mlir::ModuleOp>(program.text, mlir::ParserConfig(&context), "program");
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string messages;
};

Outcome interpret(Module &module, const Program &program, std::uint64_t seed) {
  Arguments arguments(program, seed);
  if (!module.module)
    return {"the program is invalid: " + module.messages, {}};
  interp::Options options;
  auto allow = [&](const void *address, std::size_t size, llvm::StringRef) { return arguments.holds(address, size); };
  options.allowAccess = allow;
  llvm::Error error = interp::interpret(*module.module, "k", arguments.slots, program.grid, options);
  return arguments.outcome(error ? llvm::toString(std::move(error)) : "");
}

// ---- the CPU target

std::int32_t check(void *context, const cpu::ProgramInfo *, const void *address, std::int64_t size, const char *,
                   const char *) {
  return static_cast<const Arguments *>(context)->holds(address, std::size_t(size)) ? 0 : 1;
}
std::int32_t assert_failed(void *, const cpu::ProgramInfo *, const char *, const char *, std::int64_t, const char *) {
  return 1;
}

Outcome run_on_cpu(Module &module, const Program &program, std::uint64_t seed) {
  Arguments arguments(program, seed);
  const cpu::Symbol symbols[] = {{"kiln_cpu_check", reinterpret_cast<void *>(check)},
                                 {"kiln_cpu_assert_failed", reinterpret_cast<void *>(assert_failed)}};
  cpu::Options options;
  options.checkBounds = seed % 8 == 7;
  options.symbols = symbols;
  auto kernel = cpu::compile(*module.module, options);
  if (!kernel)
    return arguments.outcome("the CPU target fails: " + llvm::toString(kernel.takeError()) + "\n" + module.messages);
  std::size_t scratch_bytes = ((*kernel)->scratchBytes() + 63) / 64 * 64;
  std::unique_ptr<void, decltype(&std::free)> scratch(std::aligned_alloc(64, std::max<std::size_t>(64, scratch_bytes)),
                                                      std::free);
  std::string error;
  for (std::uint32_t y = 0; y < program.grid[1]; ++y)
    for (std::uint32_t x = 0; x < program.grid[0]; ++x) {
      cpu::ProgramInfo where = {{std::int32_t(x), std::int32_t(y), 0},
                                {std::int32_t(program.grid[0]), std::int32_t(program.grid[1]), 1}};
      std::memset(scratch.get(), 0xa5, scratch_bytes); // nothing may depend on what it holds
      if (std::int32_t code = (*kernel)->entry()(arguments.slots.data(), &where, scratch.get(), &arguments))
        error = "the kernel trapped with code " + std::to_string(code);
    }
  return arguments.outcome(error);
}

// ---- the GPU

/// The kernel, for programs of 1 to 8 warps.
mlir::func::FuncOp choose_warps(Module &module, std::uint64_t seed) {
  auto kernel = *module.module->getOps<mlir::func::FuncOp>().begin();
  kernel->setAttr(tile::kNumWarpsAttr, mlir::Builder(&module.context).getI32IntegerAttr(1 << seed % 4));
  return kernel;
}

/// Compiles to PTX. Empty, or what went wrong.
std::string compile(Module &module, std::uint64_t seed, const gpu::GPUTarget &target, GpuProgram &compiled) {
  compiled.arch = target.name.str();
  choose_warps(module, seed);
  llvm::Expected<gpu::CompiledKernel> kernel = gpu::compile(*module.module, target, {});
  if (!kernel)
    return "the GPU compiler fails: " + llvm::toString(kernel.takeError());
  compiled.num_warps = unsigned(kernel->numWarps);
  compiled.shared_bytes = unsigned(kernel->sharedBytes);
  compiled.ptx = std::move(kernel->ptx);
  return "";
}

/// The memory of the run for code that takes the alignment of its pointers for granted.
std::vector<GpuBuffer> gpu_buffers(const Arguments &arguments) {
  std::vector<GpuBuffer> buffers;
  for (std::size_t i = 0; i < arguments.memory.size(); ++i) {
    const Buffer &buffer = arguments.program.buffers[i];
    buffers.push_back({{arguments.memory[i].data(), arguments.memory[i].size},
                       buffer.is_aligned ? 16 : std::size_t(bytes(buffer.type))});
  }
  return buffers;
}

Outcome run_emulated(Module &module, const Program &program, std::uint64_t seed) {
  Arguments arguments(program, seed);
  choose_warps(module, seed);
  const char *arch = seed / 4 % 2 ? "sm_80" : "sm_90a";
  emulator::Options options;
  options.execute = runtime::emulator_execute;
  auto kernel = emulator::compile(*module.module, llvm::cantFail(gpu::GPUTarget::parse(arch)), options);
  if (!kernel)
    return arguments.outcome("the compiler for emulated GPUs fails: " + llvm::toString(kernel.takeError()));

  const std::vector<GpuBuffer> buffers = gpu_buffers(arguments);
  Arena arena(buffers, seed);
  std::vector<void *> addresses;
  std::vector<test::EmulatedBuffer> known;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    addresses.push_back(arena.image.data() + arena.offsets[i]);
    known.push_back({addresses[i], buffers[i].bytes.size()});
  }
  std::vector<const void *> slots;
  for (void *&address : addresses)
    slots.push_back(&address);
  for (const std::int32_t &scalar : program.scalars)
    slots.push_back(&scalar);
  set_emulator_options({.seed = seed % 2 ? seed : 0, .compare_poison = true});
  std::string error = test::launch_emulated(jit::emulated_code(**kernel, "k", arch, ""), program.grid, slots, known);
  if (error.empty())
    error = arena.fetch(buffers);
  return arguments.outcome(std::move(error));
}

Outcome run_on_cuda(Module &module, const Program &program, std::uint64_t seed) {
  Arguments arguments(program, seed);
  llvm::Expected<gpu::GPUTarget> target = gpu::GPUTarget::forDevice(gpu_capability() / 10, gpu_capability() % 10);
  if (!target)
    return arguments.outcome(llvm::toString(target.takeError()));
  GpuProgram compiled;
  compiled.grid = program.grid;
  if (std::string error = compile(module, seed, *target, compiled); !error.empty())
    return arguments.outcome(std::move(error));
  std::string error = run_on_gpu(compiled, gpu_buffers(arguments), program.scalars, seed);
  return arguments.outcome(std::move(error));
}

} // namespace

Outcome interpret(const Program &program, std::uint64_t seed) {
  Module module(program);
  return interpret(module, program, seed);
}

Outcome run(const Program &program, std::uint64_t seed, Target target) {
  Module module(program);
  if (!module.module)
    return {"the program is invalid: " + module.messages, {}};
  if (target == Target::cpu)
    return run_on_cpu(module, program, seed);
  if (target == Target::emulated)
    return run_emulated(module, program, seed);
  if (target == Target::cuda)
    return run_on_cuda(module, program, seed);
  mlir::PassManager passes(&module.context);
  passes.addPass(mlir::createCanonicalizerPass());
  passes.addPass(mlir::createCSEPass());
  passes.addPass(tile::createExpandFp8());
  passes.addPass(tile::createExpandMath());
  passes.addPass(mlir::createLoopInvariantCodeMotionPass());
  passes.addPass(mlir::createCanonicalizerPass());
  if (mlir::failed(passes.run(*module.module)))
    return {"the passes fail: " + module.messages, {}};
  return interpret(module, program, seed);
}

std::string compile_for_gpus(const Program &program, std::uint64_t seed) {
  Module module(program);
  if (!module.module)
    return "the program is invalid: " + module.messages;
  const llvm::ArrayRef<gpu::GPUTarget> targets = gpu::GPUTarget::all();
  const gpu::GPUTarget &target = targets[seed / 4 % targets.size()];
  GpuProgram compiled;
  std::string error = compile(module, seed, target, compiled);
  if (error.empty())
    error = assemble(compiled);
  return error.empty() ? "" : target.name.str() + ": " + error;
}

// ---- comparison

static std::string mismatch(const Buffer &buffer, std::int64_t index, std::uint64_t want, std::uint64_t got,
                            double tolerance) {
  std::ostringstream text;
  text.precision(17);
  text << buffer.name << "[" << index << "] of type " << info(buffer.type).name << ": want " << std::hex << "0x" << want
       << ", got 0x" << got << std::dec;
  if (is_float(buffer.type))
    text << " (" << to_double(buffer.type, want) << ", " << to_double(buffer.type, got) << ", tolerance " << tolerance
         << ")";
  return text.str();
}

/// Whether two floats agree up to `tolerance`.
static bool agree(Type type, double want, double got, double tolerance) {
  if (std::isnan(want) || std::isnan(got))
    return std::isnan(want) && std::isnan(got);
  if (want == got)
    return tolerance > 0 || std::signbit(want) == std::signbit(got);
  if (std::isinf(want) || std::isinf(got)) { // an overflow that only one of them rounds to infinity
    double largest = llvm::APFloat::getLargest(semantics(type)).convertToDouble();
    double finite = std::isinf(want) ? got : want;
    return tolerance > 0 && std::fabs(finite) >= largest * 0.999999 && std::signbit(want) == std::signbit(got);
  }
  return std::fabs(want - got) <= tolerance;
}

std::string compare(const Program &program, const Program &with_bounds, const Outcome &reference,
                    const Outcome &other) {
  if (other.error != reference.error)
    return "the reference says '" + reference.error + "', the other '" + other.error + "'";
  if (!reference.error.empty())
    return "both fail: " + reference.error;
  for (std::size_t b = 0; b < program.buffers.size(); ++b) {
    const Buffer &buffer = program.buffers[b];
    const double *bounds = nullptr;
    for (std::size_t k = 0; k < with_bounds.buffers.size() && !buffer.bound.empty(); ++k)
      if (with_bounds.buffers[k].name == buffer.bound)
        bounds = reinterpret_cast<const double *>(reference.memory[k].data());
    for (std::int64_t i = 0; i < buffer.elements; ++i) {
      std::uint64_t want = 0, got = 0;
      std::size_t size = std::size_t(bytes(buffer.type)), at = std::size_t(i) * size;
      std::memcpy(&want, reference.memory[b].data() + at, size);
      std::memcpy(&got, other.memory[b].data() + at, size);
      double tolerance = bounds ? 2 * bounds[i] : 0;
      if (want == got || (is_float(buffer.type) &&
                          agree(buffer.type, to_double(buffer.type, want), to_double(buffer.type, got), tolerance)))
        continue;
      return mismatch(buffer, i, want, got, tolerance);
    }
  }
  return "";
}

} // namespace kiln::fuzz
