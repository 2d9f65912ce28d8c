#include "jit/device_functions.h"

#include "jit/diagnostics.h"

#include "kiln/Dialect/Tile/IR/DeviceFunctions.h"
#include "kiln/Dialect/Tile/IR/Tile.h"
#include "kiln/runtime/cuda_compiler.h"
#include "kiln/runtime/host_failure.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstring>
#include <exception>

using namespace kiln;
using namespace kiln::jit;
using detail::DeviceFunctionCode;
using detail::DeviceFunctionUse;
using detail::DeviceSignature;
using Language = detail::DeviceFunctionParts::Language;

namespace {

/// How CUDA C++ spells a scalar, the word that carries it, and the ways between them.
struct Spelling {
  const char *type, *word, *from_word, *to_word;
};

Spelling spelling_of(DType dtype) {
  switch (dtype) {
  case i1:
    return {"bool", "unsigned", "0 != ", "(unsigned)"};
  case i8:
    return {"signed char", "unsigned", "(signed char)", "(unsigned)(unsigned char)"};
  case i16:
    return {"short", "unsigned", "(short)", "(unsigned)(unsigned short)"};
  case i32:
    return {"int", "unsigned", "(int)", "(unsigned)"};
  case i64:
    return {"long long", "long long", "", ""};
  case f16:
    return {"__half", "unsigned", "__ushort_as_half((unsigned short)", "(unsigned)__half_as_ushort("};
  case bf16:
    return {"__nv_bfloat16", "unsigned", "__ushort_as_bfloat16((unsigned short)", "(unsigned)__bfloat16_as_ushort("};
  case f64:
    return {"double", "double", "", ""};
  default:
    return {"float", "float", "", ""};
  }
}

std::string converted(const char *conversion, const std::string &value) {
  const bool call = llvm::StringRef(conversion).contains("__");
  return conversion + ("(" + value + ")") + (call ? ")" : "");
}

bool uses(const DeviceSignature &signature, DType dtype) {
  return llvm::is_contained(signature.arguments, dtype) || llvm::is_contained(signature.results, dtype);
}

/// `#line`: what follows stands in the file where the function was made.
std::string line_of(const Loc &loc) {
  std::string file;
  for (char c : std::string(loc.file_name())) {
    if (c == '"' || c == '\\')
      file += '\\';
    file += c;
  }
  return "#line " + std::to_string(loc.line()) + " \"" + file + "\"\n";
}

/// The function of words that calls the user's, on one line.
std::string wrapper(const DeviceFunctionUse &use) {
  const DeviceFunctionCode &function = *use.function;
  const DeviceSignature &signature = function.signature;
  const std::string name = (tile::kDeviceFunctionPrefix + use.symbol).str(), packed = name + "_results";
  const std::vector<DType> &results = signature.results;
  std::string text, parameters, arguments, body;
  if (results.size() > 1) {
    text += "struct " + packed + " {";
    for (std::size_t i = 0; i < results.size(); ++i)
      text += " " + std::string(spelling_of(results[i]).word) + " r" + std::to_string(i) + ";";
    text += " }; ";
  }
  std::size_t argument = 0, written = signature.returns_value ? 1 : 0;
  for (DeviceSignature::Pass pass : signature.parameters) {
    arguments += arguments.empty() ? "" : ", ";
    if (pass == DeviceSignature::Pass::value) {
      const Spelling spelling = spelling_of(signature.arguments[argument]);
      const std::string word = "kiln_a" + std::to_string(argument++);
      parameters += (parameters.empty() ? "" : ", ") + std::string(spelling.word) + " " + word;
      arguments += converted(spelling.from_word, word);
    } else {
      const std::string result = "kiln_r" + std::to_string(written);
      body += std::string(spelling_of(results[written++]).type) + " " + result + " = {}; ";
      arguments += (pass == DeviceSignature::Pass::pointer ? "&" : "") + result;
    }
  }
  const std::string call = function.name + "(" + arguments + ")";
  body +=
      signature.returns_value ? std::string(spelling_of(results[0]).type) + " kiln_r0 = " + call + "; " : call + "; ";
  auto word = [&](std::size_t i) { return converted(spelling_of(results[i]).to_word, "kiln_r" + std::to_string(i)); };
  std::string type = "void";
  if (results.size() == 1) {
    type = spelling_of(results[0]).word;
    body += "return " + word(0) + "; ";
  } else if (results.size() > 1) {
    type = packed;
    body += packed + " kiln_packed; ";
    for (std::size_t i = 0; i < results.size(); ++i)
      body += "kiln_packed.r" + std::to_string(i) + " = " + word(i) + "; ";
    body += "return kiln_packed; ";
  }
  return text + "extern \"C\" __device__ " + type + " " + name + "(" + parameters + ") { " + body + "}\n";
}

std::string cuda_source(const DeviceFunctionUse &use) {
  const DeviceFunctionCode &function = *use.function;
  std::string text;
  if (uses(function.signature, f16))
    text += "#include <cuda_fp16.h>\n";
  if (uses(function.signature, bf16))
    text += "#include <cuda_bf16.h>\n";
  text += line_of(function.loc) + function.code;
  // A fault in the call is one of name or signature, which stand where the function was made.
  return text + "\n" + line_of(function.loc) + wrapper(use);
}

std::string compile_cuda(const DeviceFunctionUse &use, const Subject &subject) {
  const DeviceFunctionCode &function = *use.function;
  runtime::CudaOptions options{function.options, function.headers};
  auto sets = [&](llvm::StringRef option) {
    return llvm::any_of(function.options, [&](llvm::StringRef given) { return given.ltrim('-').starts_with(option); });
  };
  if (!sets("std"))
    options.options.push_back("--std=c++17");
  options.options.push_back("--device-as-default-execution-space");
  try {
    return runtime::compile_cuda(cuda_source(use), function.loc.file_name(), subject.arch, options);
  } catch (const CompileError &error) {
    throw CompileError(std::string(error.what()) + "\nnote: in device function '" + function.name + "', made at " +
                       function.loc.file_name() + ":" + std::to_string(function.loc.line()) + "\n" +
                       subject.note("compiling"));
  }
}

/// Without white space and comments in front.
llvm::StringRef trimmed(llvm::StringRef text) {
  while (true) {
    text = text.ltrim();
    if (!text.starts_with("/*"))
      return text;
    text = text.drop_front(std::min(text.size(), text.find("*/", 2))).drop_front(std::min<std::size_t>(text.size(), 2));
  }
}

/// Whether `text`, which stands behind `include`, names neither one of the headers given nor one of the toolkit's.
/// Given headers come before files, and nothing beside the user's source is found in angle brackets.
bool names_file(llvm::StringRef text, llvm::ArrayRef<std::pair<std::string, std::string>> headers) {
  text = trimmed(text);
  const char end = text.starts_with("<") ? '>' : '"';
  if (!text.starts_with("<") && !text.starts_with("\""))
    return true; // a macro
  const llvm::StringRef name = text.drop_front().split(end).first;
  if (llvm::any_of(headers, [&](const auto &header) { return name == header.first; }))
    return false;
  return end == '"' || name.starts_with("/") || name.contains("..");
}

/// Whether a directive in CUDA C++ may read a file that is no header of the toolkit. Where this is not certain, it may.
bool reads_files(llvm::StringRef source, llvm::ArrayRef<std::pair<std::string, std::string>> headers) {
  std::string joined; // lines that end in a backslash go on in the next one
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source.substr(i).starts_with("\\\n"))
      ++i;
    else if (source.substr(i).starts_with("\\\r\n"))
      i += 2;
    else
      joined += source[i];
  }
  for (llvm::StringRef rest = joined; !rest.empty(); rest = rest.drop_front()) {
    if (rest.consume_front("__has_include"))
      return true;
    llvm::StringRef directive = rest;
    if (!directive.consume_front("#") && !directive.consume_front("%:"))
      continue;
    directive = trimmed(directive);
    if (directive.consume_front("include") && names_file(directive, headers))
      return true;
  }
  return false;
}

/// What compiled code calls. It cannot be unwound through: when the user's function throws, the launch fails, and the
/// program goes on with zeros to its end.
void call_on_host(const void *function, std::int64_t count, const void *const *arguments,
                  void *const *results) noexcept {
  const auto &code = *static_cast<const DeviceFunctionCode *>(function);
  runtime::HostFailure &launch = *runtime::current_launch();
  if (!launch.failed()) {
    try {
      return code.call(code.callable.get(), count, arguments, results);
    } catch (...) {
      launch.fail(std::current_exception());
    }
  }
  for (auto [index, dtype] : llvm::enumerate(code.signature.results))
    std::memset(results[index], 0, static_cast<std::size_t>(count) * size_of(dtype));
}

} // namespace

std::vector<gpu::DeviceCode> jit::device_code(const detail::TracedKernel &traced, const Subject &subject) {
  std::vector<gpu::DeviceCode> result;
  for (const DeviceFunctionUse &use : traced.functions) {
    const DeviceFunctionCode &function = *use.function;
    auto declaration = traced.module.get().lookupSymbol<mlir::func::FuncOp>(use.symbol);
    if (!declaration) // KILN_OVERRIDE_DIR has put another kernel in its place
      continue;
    gpu::DeviceCode &code = result.emplace_back();
    code.symbol = use.symbol;
    code.type = declaration.getFunctionType();
    code.name = function.name;
    code.returnsValue = function.signature.returns_value;
    for (DeviceSignature::Pass pass : function.signature.parameters)
      code.isPointer.push_back(pass != DeviceSignature::Pass::value);
    if (function.language == Language::cuda) {
      code.ptx = compile_cuda(use, subject);
      continue;
    }
    // The compiler takes it for one that is not bitcode, and leaves the call to the linker.
    if (function.code.empty())
      throw CompileError("the bitcode of device function '" + function.name + "' is empty, and defines no function '" +
                         function.name + "'\nnote: made at " + function.loc.file_name() + ":" +
                         std::to_string(function.loc.line()) + "\n" + subject.note("compiling"));
    code.bitcode = function.code;
  }
  return result;
}

bool jit::includes_files(const detail::TracedKernel &traced) {
  return llvm::any_of(traced.functions, [](const DeviceFunctionUse &use) {
    const DeviceFunctionCode &function = *use.function;
    if (function.language != Language::cuda)
      return false;
    const bool options = llvm::any_of(function.options, [](llvm::StringRef option) {
      const llvm::StringRef bare = option.ltrim('-');
      return bare.starts_with("I") || bare.starts_with("include") || bare.starts_with("pre-include");
    });
    return options || reads_files(function.code, function.headers) ||
           llvm::any_of(function.headers,
                        [&](const auto &header) { return reads_files(header.second, function.headers); });
  });
}

bool jit::needs_nvrtc(const detail::TracedKernel &traced) {
  return llvm::any_of(traced.functions,
                      [](const DeviceFunctionUse &use) { return use.function->language == Language::cuda; });
}

HostFunctions::HostFunctions(const detail::TracedKernel &traced, const Subject &subject, const char *target)
    : functions_(traced.functions) {
  CapturedDiagnostics diagnostics(traced.context.get());
  for (const DeviceFunctionUse &use : functions_) {
    if (use.function->call)
      continue;
    traced.module.get().walk([&](tile::ExternCallOp call) {
      if (call.getSymbol() != use.symbol)
        return mlir::WalkResult::advance();
      call.emitError() << "device function '" << use.function->name << "' has no host implementation, which " << target
                       << " needs: give one in its options, .host = [](float x) { ... }";
      return mlir::WalkResult::interrupt();
    });
  }
  if (!diagnostics.text().empty())
    throw_compile_error(diagnostics, "", {}, subject);
  names_.reserve(2 * functions_.size());
  for (const DeviceFunctionUse &use : functions_) {
    symbols_.emplace_back(names_.emplace_back((tile::kHostCallPrefix + use.symbol).str()),
                          reinterpret_cast<void *>(call_on_host));
    symbols_.emplace_back(names_.emplace_back((tile::kHostCallablePrefix + use.symbol).str()),
                          const_cast<DeviceFunctionCode *>(use.function.get()));
  }
}

const DeviceFunctionCode *HostFunctions::find(llvm::StringRef symbol) const {
  for (const DeviceFunctionUse &use : functions_)
    if (use.symbol == symbol)
      return use.function.get();
  return nullptr;
}
