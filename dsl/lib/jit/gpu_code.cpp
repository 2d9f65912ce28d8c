#include "jit/gpu_code.h"

#include "jit/device_functions.h"
#include "jit/diagnostics.h"
#include "jit/disk_key.h"
#include "jit/dump.h"
#include "jit/gpu_parts.h"
#include "jit/large_stack.h"
#include "jit/report.h"
#include "jit/stages.h"
#include "jit/stopwatch.h"

#include "kiln/Dialect/Tile/IR/Tile.h"
#include "kiln/Target/NVPTX/GPUCompiler.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/cuda_compiler.h"
#include "kiln/runtime/disk_cache.h"
#include "kiln/runtime/observe.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"

using namespace kiln;
using namespace kiln::jit;

namespace {

constexpr llvm::StringLiteral stages[] = {"tile", "tile_gpu", "threads", "llvm", "llvmir",
                                          "ptx",  "cubin",    "report",  "json"};

std::vector<runtime::KernelParameter> parameters_of(mlir::ModuleOp module) {
  std::vector<runtime::KernelParameter> result;
  mlir::func::FuncOp kernel;
  for (auto function : module.getOps<mlir::func::FuncOp>())
    if (tile::isKernel(function))
      kernel = function;
  for (mlir::Type type : kernel.getArgumentTypes()) {
    using Kind = runtime::ParameterKind;
    if (llvm::isa<tile::PtrType>(type))
      result.push_back({Kind::pointer, 8});
    else if (type.isInteger(1))
      result.push_back({Kind::boolean, 1});
    else
      result.push_back({type.isInteger() ? Kind::integer : Kind::floating,
                        static_cast<std::uint8_t>(type.getIntOrFloatBitWidth() / 8)});
  }
  return result;
}

/// The places of the operations of a kernel as it was traced, "file:line:column" and "file:line".
///
/// The key of an entry on disk does not hold locations, so its report names operations by their number as well: moving
/// a kernel within its file changes nothing but what the numbers stand for.
class Places {
public:
  explicit Places(mlir::ModuleOp module) {
    module.walk<mlir::WalkOrder::PreOrder>([&](mlir::Operation *op) {
      std::string place = tile_gpu::getSourcePlace(op->getLoc());
      numbers_.try_emplace(place, places_.size());
      numbers_.try_emplace(line_of(place), places_.size());
      places_.push_back(std::move(place));
    });
  }

  /// "file:41:20" becomes "file:41:20#12", and "file:41" becomes "file:41#L12".
  std::string add_number(llvm::StringRef place) const {
    auto found = numbers_.find(place);
    if (place.empty() || found == numbers_.end())
      return place.str();
    return place.str() + (places_[found->second] == place ? "#" : "#L") + std::to_string(found->second);
  }
  /// The same backwards, with the place that the operation of that number has in this trace.
  std::string find(llvm::StringRef numbered) const {
    llvm::StringRef number = numbered.rsplit('#').second;
    const bool line = number.consume_front("L");
    std::size_t index = 0;
    if (number.getAsInteger(10, index) || index >= places_.size())
      return {};
    return line ? line_of(places_[index]) : places_[index];
  }

private:
  static std::string line_of(llvm::StringRef place) { return place.rsplit(':').first.str(); }

  std::vector<std::string> places_;
  llvm::StringMap<std::size_t> numbers_;
};

/// Applies `f` to every place in a report.
template <class F>
CompileReport with_places(CompileReport report, F &&f) {
  for (SharedBuffer &buffer : report.shared_buffers)
    buffer.place = f(buffer.place);
  for (MemoryAccess &access : report.accesses)
    access.place = f(access.place);
  return report;
}

/// Compiles to PTX and fills in what is known without an assembler.
void lower(detail::TracedKernel &traced, const Subject &subject, CompileOptions options, Dump dump, GpuCode &code) {
  const gpu::GPUTarget &target = target_of(subject);
  gpu::Options gpu_options;
  gpu_options.asserts = options.asserts;
  gpu_options.lineInfo = options.line_info;
  gpu_options.dump = dump;
  const std::vector<gpu::DeviceCode> functions = device_code(traced, subject);
  gpu_options.functions = functions;

  // As for the CPU, a failure needs what went in.
  mlir::OwningOpRef<mlir::ModuleOp> input = llvm::cast<mlir::ModuleOp>(traced.module->getOperation()->clone());
  CapturedDiagnostics diagnostics(traced.context.get());
  llvm::Expected<gpu::CompiledKernel> kernel =
      on_large_stack([&] { return gpu::compile(*traced.module, target, gpu_options); });
  if (!kernel) {
    std::string fallback = llvm::toString(kernel.takeError());
    Reproducer reproducer{.arguments = gpu::pipelineArguments(target, gpu_options), .ir = {}};
    llvm::raw_string_ostream stream(reproducer.ir);
    input->print(stream, mlir::OpPrintingFlags().enableDebugInfo());
    throw_compile_error(diagnostics, fallback, reproducer, subject);
  }
  fill_report(*kernel, code.report);
  code.image.name = kernel->name;
  code.image.config = subject.config;
  code.image.arch = subject.arch;
  code.image.num_warps = static_cast<std::uint32_t>(kernel->numWarps);
  code.image.threads = code.report.threads;
  code.image.shared_bytes = static_cast<std::uint32_t>(kernel->sharedBytes);
  code.image.ptx = std::move(kernel->ptx);
}

/// Assembles the PTX; leaves the cubin empty where there is no assembler.
void assemble(const Subject &subject, GpuCode &code) {
  if (runtime::assembler_identity().empty())
    return;
  runtime::Assembled assembled;
  try {
    assembled = runtime::assemble(code.image.ptx, subject.arch);
  } catch (const CompileError &error) {
    throw CompileError(std::string(error.what()) + "\n" + subject.note("compiling"));
  }
  const gpu::GPUTarget &target = target_of(subject);
  CompileReport &report = code.report;
  report.assembler = assembled.assembler;
  report.registers = assembled.registers;
  report.spill_store_bytes = assembled.spill_store_bytes;
  report.spill_load_bytes = assembled.spill_load_bytes;
  fill_occupancy(report, {.threads = target.warpsPerSM * 32,
                          .programs = target.blocksPerSM,
                          .registers = target.registersPerSM,
                          .shared_bytes = static_cast<std::size_t>(target.sharedPerSM)});
  code.image.cubin = std::move(assembled.cubin);
}

GpuCode compile(detail::TracedKernel traced, const Subject &subject, CompileOptions options, Dump dump) {
  GpuCode code;
  code.report.target = subject.arch;
  code.image.parameters = parameters_of(*traced.module);
  Stopwatch total;
  runtime::observe_stage("lower", [&] { lower(traced, subject, options, dump, code); });
  code.report.lower_ms = total.ms();
  if (auto ptx = override_for("ptx", subject))
    code.image.ptx = std::move(*ptx);
  Stopwatch assembling;
  if (auto cubin = override_for("cubin", subject))
    code.image.cubin.assign(cubin->begin(), cubin->end());
  else
    runtime::observe_stage("assemble", [&] { assemble(subject, code); });
  code.report.assemble_ms = assembling.ms();
  code.report.compile_ms = total.ms();
  if (dump) {
    dump("cubin", {reinterpret_cast<const char *>(code.image.cubin.data()), code.image.cubin.size()});
    dump("report", code.report.text());
  }
  return code;
}

} // namespace

GpuCode jit::make_gpu_code(detail::TracedKernel traced, const Subject &subject, CompileOptions options) {
  override_tile(traced, subject);
  if (dumping() || overridden(subject)) {
    auto print_stage = [&](llvm::StringRef stage, llvm::StringRef text) { dump(stage, text, subject); };
    return dumping() ? compile(std::move(traced), subject, options, print_stage)
                     : compile(std::move(traced), subject, options, nullptr);
  }
  runtime::DiskCache &cache = runtime::process_cache();
  const std::string assembler = runtime::assembler_identity();
  // Without an assembler there is nothing to keep.
  // Of files that CUDA C++ includes, nothing stands in the key.
  if (assembler.empty() || !cache.unusable().empty() || includes_files(traced))
    return compile(std::move(traced), subject, options, nullptr);

  Stopwatch looking;
  const Places places(*traced.module);
  const runtime::CacheKey key = disk_key(*traced.module, subject.arch, options, assembler,
                                         needs_nvrtc(traced) ? runtime::nvrtc_identity() : std::string());
  if (std::optional<runtime::KernelImage> image = runtime::observe_stage("lookup", [&] { return cache.lookup(key); })) {
    GpuCode code;
    code.origin = GpuCode::Origin::disk;
    code.looked_up = true;
    code.report = with_places(report_from_json(image->report).value_or(CompileReport{}),
                              [&](const std::string &place) { return places.find(place); });
    code.report.from_disk = true;
    code.report.lower_ms = code.report.assemble_ms = 0;
    code.image = std::move(*image);
    code.report.compile_ms = looking.ms();
    return code;
  }
  GpuCode code = compile(std::move(traced), subject, options, nullptr);
  code.looked_up = true;
  runtime::KernelImage kept = code.image;
  kept.report = with_places(code.report, [&](const std::string &place) { return places.add_number(place); }).json();
  cache.publish(key, kept);
  return code;
}

std::string jit::gpu_stage(detail::TracedKernel traced, const Subject &subject, CompileOptions options, double trace_ms,
                           std::string_view stage) {
  const llvm::StringRef wanted(stage);
  KeptStage kept(wanted, stages, subject.arch);
  override_tile(traced, subject);
  const bool assembled = wanted == "cubin" || wanted == "report" || wanted == "json";
  try {
    GpuCode code;
    if (assembled) {
      code = compile(std::move(traced), subject, options, kept);
    } else {
      lower(traced, subject, options, kept, code);
    }
    code.report.trace_ms = trace_ms;
    if (wanted == "cubin" && code.image.cubin.empty())
      runtime::assemble(code.image.ptx, subject.arch); // throws, and says what was looked for
    if (wanted == "report")
      return code.report.text();
    if (wanted == "json")
      return code.report.json();
  } catch (const CompileError &) {
    // A stage that was reached can be looked at although a later one failed.
    if (!kept.text || assembled)
      throw;
  }
  return *kept.text;
}
