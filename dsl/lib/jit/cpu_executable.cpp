#include "jit/device_functions.h"
#include "jit/diagnostics.h"
#include "jit/dump.h"
#include "jit/executable.h"
#include "jit/large_stack.h"
#include "jit/stages.h"

#include "kiln/Target/CPU/CPUTarget.h"
#include "kiln/runtime/cpu_launch.h"

#include "llvm/Support/raw_ostream.h"

using namespace kiln;
using namespace kiln::jit;

static_assert(sizeof(cpu::ProgramInfo) == sizeof(runtime::ProgramInfo));

namespace {

class CpuExecutable : public Executable {
public:
  CpuExecutable(HostFunctions functions, std::unique_ptr<cpu::CompiledKernel> code, const Subject &subject,
                CompileOptions options)
      : functions_(std::move(functions)), code_(std::move(code)) {
    kernel_.name = subject.kernel;
    // Compiler and runtime know nothing of each other, so each declares the layout of ProgramInfo; it is the same.
    kernel_.entry = reinterpret_cast<runtime::CpuEntry>(code_->entry());
    kernel_.scratch_bytes = code_->scratchBytes();
    kernel_.checked = options.checks;
    kernel_.note = subject.note("running");
  }

  void launch(std::array<unsigned, 3> grid, const void *const *args, void *, bool) const override {
    runtime::launch_cpu(kernel_, grid, args);
  }
  CompileReport report() const override {
    CompileReport report;
    report.scratch_bytes = kernel_.scratch_bytes;
    report.target = cpu::hostDescription();
    return report;
  }

private:
  HostFunctions functions_; // the code calls them
  std::unique_ptr<cpu::CompiledKernel> code_;
  runtime::CpuKernel kernel_;
};

constexpr llvm::StringLiteral stages[] = {"tile", "loops", "llvm", "llvmir", "asm"};

/// Compiles in place. `dump` may be null.
std::unique_ptr<cpu::CompiledKernel> compile(detail::TracedKernel &traced, const Subject &subject,
                                             CompileOptions options, const HostFunctions &functions, Dump dump) {
  std::vector<cpu::Symbol> symbols = {
      {"kiln_cpu_check", reinterpret_cast<void *>(runtime::cpu_check)},
      {"kiln_cpu_assert_failed", reinterpret_cast<void *>(runtime::cpu_assert_failed)},
      {"kiln_cpu_print", reinterpret_cast<void *>(runtime::cpu_print)},
  };
  llvm::append_range(symbols, functions.symbols());
  cpu::Options cpu_options;
  cpu_options.checkBounds = options.checks;
  cpu_options.asserts = options.asserts;
  cpu_options.symbols = symbols;
  cpu_options.dump = dump;

  // Compiling rewrites the module in place, and should it fail the user needs what went in. Cloning costs a small part
  // of a compile.
  mlir::OwningOpRef<mlir::ModuleOp> input = llvm::cast<mlir::ModuleOp>(traced.module->getOperation()->clone());
  CapturedDiagnostics diagnostics(traced.context.get());
  llvm::Expected<std::unique_ptr<cpu::CompiledKernel>> code =
      on_large_stack([&] { return cpu::compile(*traced.module, cpu_options); });
  if (!code) {
    std::string fallback = llvm::toString(code.takeError());
    Reproducer reproducer{.arguments = cpu::pipelineArguments(cpu_options), .ir = {}};
    llvm::raw_string_ostream stream(reproducer.ir);
    input->print(stream, mlir::OpPrintingFlags().enableDebugInfo());
    throw_compile_error(diagnostics, fallback, reproducer, subject);
  }
  return std::move(*code);
}

} // namespace

std::unique_ptr<Executable> jit::make_cpu_executable(detail::TracedKernel traced, const Subject &subject,
                                                     CompileOptions options) {
  auto print_stage = [&](llvm::StringRef stage, llvm::StringRef text) { dump(stage, text, subject); };
  HostFunctions functions(traced, subject, "the CPU");
  std::unique_ptr<cpu::CompiledKernel> code = dumping() ? compile(traced, subject, options, functions, print_stage)
                                                        : compile(traced, subject, options, functions, nullptr);
  return std::make_unique<CpuExecutable>(std::move(functions), std::move(code), subject, options);
}

std::string jit::cpu_stage(detail::TracedKernel traced, const Subject &subject, CompileOptions options,
                           std::string_view stage) {
  KeptStage kept(stage, stages, "cpu");
  compile(traced, subject, options, HostFunctions(traced, subject, "the CPU"), kept);
  return kept.text.value();
}
