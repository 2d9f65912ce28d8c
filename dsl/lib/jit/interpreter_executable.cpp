#include "jit/device_functions.h"
#include "jit/dump.h"
#include "jit/executable.h"

#include "kiln/Interpreter/Interpreter.h"
#include "kiln/debug.h"

#include "llvm/Support/raw_ostream.h"

#include <exception>
#include <mutex>

using namespace kiln;
using namespace kiln::jit;

namespace {

/// Hands on what is written to it a line at a time, under the kernel's name, as compiled kernels print.
class LineStream : public llvm::raw_ostream {
public:
  explicit LineStream(const std::string &kernel) : kernel_(kernel) { SetUnbuffered(); }

  std::exception_ptr error; // what the handler has thrown, which LLVM's code cannot be unwound for

private:
  void write_impl(const char *text, std::size_t size) override {
    for (char c : llvm::StringRef(text, size)) {
      if (c != '\n') {
        line_ += c;
        continue;
      }
      try {
        if (!error)
          debug::print_line(kernel_ + line_);
      } catch (...) {
        error = std::current_exception();
      }
      line_.clear();
    }
    position_ += size;
  }
  std::uint64_t current_pos() const override { return position_; }

  const std::string &kernel_;
  std::string line_;
  std::uint64_t position_ = 0;
};

class InterpreterExecutable : public Executable {
public:
  InterpreterExecutable(detail::TracedKernel traced, const Subject &subject, CompileOptions options)
      : functions_(traced, subject, "the interpreter"), traced_(std::move(traced)), module_(*traced_.module),
        subject_(subject), options_(options) {}

  void launch(std::array<unsigned, 3> grid, const void *const *args, void *, bool) const override {
    std::string refused;
    auto allow = [&](const void *address, std::size_t bytes, llvm::StringRef access) {
      refused = debug::describe_access(address, bytes, access);
      return refused.empty();
    };
    std::exception_ptr thrown;
    auto call = [&](llvm::StringRef symbol, std::size_t count, const void *const *arguments, void *const *results) {
      const detail::DeviceFunctionCode *function = functions_.find(symbol);
      if (!function)
        return false;
      try {
        function->call(function->callable.get(), static_cast<std::int64_t>(count), arguments, results);
      } catch (...) {
        thrown = std::current_exception();
        return false;
      }
      return true;
    };
    LineStream lines(subject_.kernel);
    interp::Options options;
    if (options_.checks)
      options.allowAccess = allow;
    options.callFunction = call;
    options.printStream = &lines;
    options.asserts = options_.asserts;

    // The context of a traced kernel is without locks, and interpreting makes types and attributes in it.
    std::lock_guard lock(mutex_);
    auto kernel = module_.lookupSymbol<mlir::func::FuncOp>(subject_.kernel);
    llvm::Error error = interp::interpret(module_, subject_.kernel, {args, kernel.getNumArguments()}, grid, options);
    if (thrown || lines.error) {
      llvm::consumeError(std::move(error));
      std::rethrow_exception(thrown ? thrown : lines.error);
    }
    if (error) {
      std::string message = llvm::toString(std::move(error));
      if (!refused.empty())
        message += "\nnote: " + refused;
      throw TrapError(message + "\n" + subject_.note("running"));
    }
  }

  CompileReport report() const override {
    CompileReport report;
    report.target = "interpreter";
    return report;
  }

private:
  HostFunctions functions_;
  detail::TracedKernel traced_;
  mutable mlir::ModuleOp module_; // interpreting does not change it
  Subject subject_;
  CompileOptions options_;
  mutable std::recursive_mutex mutex_; // a host function or a print handler may launch the kernel again
};

} // namespace

std::unique_ptr<Executable> jit::make_interpreter_executable(detail::TracedKernel traced, const Subject &subject,
                                                             CompileOptions options) {
  if (dumping()) {
    std::string text;
    llvm::raw_string_ostream(text) << *traced.module;
    dump("tile", text, subject);
  }
  return std::make_unique<InterpreterExecutable>(std::move(traced), subject, options);
}
