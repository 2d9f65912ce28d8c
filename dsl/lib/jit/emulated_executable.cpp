#include "jit/device_functions.h"
#include "jit/diagnostics.h"
#include "jit/dump.h"
#include "jit/emulated_code.h"
#include "jit/gpu_parts.h"
#include "jit/large_stack.h"
#include "jit/stages.h"
#include "jit/stopwatch.h"

#include "llvm/Support/raw_ostream.h"

using namespace kiln;
using namespace kiln::jit;

namespace {

constexpr llvm::StringLiteral stages[] = {"tile", "tile_gpu", "threads", "llvm", "llvmir", "asm", "report", "json"};

class EmulatedExecutable : public Executable {
public:
  EmulatedExecutable(HostFunctions functions, std::unique_ptr<emulator::CompiledKernel> code, CompileReport report,
                     const Subject &subject)
      : functions_(std::move(functions)), code_(std::move(code)), report_(std::move(report)),
        kernel_(emulated_code(*code_, subject.kernel, subject.arch, subject.note("running"))) {}

  /// Streams are for what goes on beside the host: here all is done on return.
  void launch(std::array<unsigned, 3> grid, const void *const *args, void *, bool) const override {
    kernel_.launch(grid, args);
  }
  CompileReport report() const override { return report_; }

private:
  HostFunctions functions_; // the code calls them
  std::unique_ptr<emulator::CompiledKernel> code_;
  CompileReport report_;
  runtime::EmulatedKernel kernel_;
};

/// Compiles in place.
std::unique_ptr<emulator::CompiledKernel> compile(detail::TracedKernel &traced, const Subject &subject,
                                                  CompileOptions options, const HostFunctions &functions, Dump dump,
                                                  CompileReport &report) {
  const gpu::GPUTarget &target = target_of(subject);
  emulator::Options emulator_options;
  emulator_options.asserts = options.asserts;
  emulator_options.execute = runtime::emulator_execute;
  emulator_options.symbols = functions.symbols();
  emulator_options.dump = dump;

  // As for the CPU, a failure needs what went in.
  mlir::OwningOpRef<mlir::ModuleOp> input = llvm::cast<mlir::ModuleOp>(traced.module->getOperation()->clone());
  CapturedDiagnostics diagnostics(traced.context.get());
  Stopwatch compiling;
  llvm::Expected<std::unique_ptr<emulator::CompiledKernel>> code =
      on_large_stack([&] { return emulator::compile(*traced.module, target, emulator_options); });
  if (!code) {
    std::string fallback = llvm::toString(code.takeError());
    Reproducer reproducer{.arguments = emulator::pipelineArguments(target, emulator_options), .ir = {}};
    llvm::raw_string_ostream stream(reproducer.ir);
    input->print(stream, mlir::OpPrintingFlags().enableDebugInfo());
    throw_compile_error(diagnostics, fallback, reproducer, subject);
  }
  report.target = "emulated:" + subject.arch;
  report.compile_ms = compiling.ms();
  fill_report((*code)->description, report);
  if (dump)
    dump("report", report.text());
  return std::move(*code);
}

} // namespace

std::unique_ptr<Executable> jit::make_emulated_executable(detail::TracedKernel traced, const Subject &subject,
                                                          CompileOptions options) {
  override_tile(traced, subject);
  auto print_stage = [&](llvm::StringRef stage, llvm::StringRef text) { dump(stage, text, subject); };
  CompileReport report;
  HostFunctions functions(traced, subject, "an emulated GPU");
  std::unique_ptr<emulator::CompiledKernel> code =
      dumping() ? compile(traced, subject, options, functions, print_stage, report)
                : compile(traced, subject, options, functions, nullptr, report);
  return std::make_unique<EmulatedExecutable>(std::move(functions), std::move(code), std::move(report), subject);
}

std::string jit::emulated_stage(detail::TracedKernel traced, const Subject &subject, CompileOptions options,
                                double trace_ms, std::string_view stage) {
  const llvm::StringRef wanted(stage);
  KeptStage kept(wanted, stages, "emulated:" + subject.arch);
  override_tile(traced, subject);
  CompileReport report;
  try {
    compile(traced, subject, options, HostFunctions(traced, subject, "an emulated GPU"), kept, report);
  } catch (const CompileError &) {
    // A stage that was reached can be looked at although a later one failed.
    if (!kept.text)
      throw;
  }
  report.trace_ms = trace_ms;
  if (wanted == "report")
    return report.text();
  if (wanted == "json")
    return report.json();
  return *kept.text;
}
