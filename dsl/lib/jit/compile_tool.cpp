// The command line of kiln-compile, for any kernels.
#include "kiln/compile_tool.h"

#include "kiln/debug.h"
#include "kiln/version.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <optional>

using namespace kiln;

namespace {

/// A command line that cannot be understood.
class UsageError : public InvalidArgument {
public:
  using InvalidArgument::InvalidArgument;
};

constexpr const char *help =
    R"(usage: %1$s KERNEL [--set FIELD=VALUE]... [--arch ARCH] [--emit STAGE] [-o FILE] [--line-info]
       %1$s --list

Compiles a kernel and prints a stage of it. The name may leave out its last part, "_f16": the first kernel that has it
is taken.

  --list             print the kernels, each with the members of its config and their defaults
  --set FIELD=VALUE  change a member of the config
  --arch ARCH        what to compile for: %2$s
  --emit STAGE       what to print; the default is tile, the kernel as it was traced
                       of a GPU: tile, tile_gpu, threads, llvm, llvmir, ptx, cubin, report, json
                       of cpu: tile, loops, llvm, llvmir, asm
  -o FILE            write there instead of to standard output
  --line-info        make GPU code name lines of the kernel's source
  --help             print this
)";

struct CommandLine {
  std::string_view kernel;
  std::vector<std::string_view> assignments;
  std::optional<Target> target;
  std::string_view stage = "tile";
  std::string output;
  bool line_info = false, list = false, help = false;
};

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

CommandLine parse(llvm::ArrayRef<const char *> arguments) {
  CommandLine result;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view argument = arguments[i];
    // "--set=x" is "--set x".
    std::optional<std::string_view> attached;
    if (const std::size_t equals = argument.find('='); argument.starts_with("--") && equals != argument.npos) {
      attached = argument.substr(equals + 1);
      argument = argument.substr(0, equals);
    }
    auto value = [&](const char *what) -> std::string_view {
      if (attached)
        return *attached;
      if (i + 1 == arguments.size())
        throw UsageError("error: " + std::string(argument) + " needs " + what);
      return arguments[++i];
    };
    if (argument == "--set")
      result.assignments.push_back(value("FIELD=VALUE"));
    else if (argument == "--arch")
      result.target = Target::parse(value("the name of a target"));
    else if (argument == "--emit")
      result.stage = value("the name of a stage");
    else if (argument == "-o")
      result.output = value("the name of a file");
    else if (argument == "--line-info" && !attached)
      result.line_info = true;
    else if (argument == "--list" && !attached)
      result.list = true;
    else if ((argument == "--help" || argument == "-h") && !attached)
      result.help = true;
    else if (argument.starts_with("-"))
      throw UsageError("error: unknown option " + quoted(argument));
    else if (result.kernel.empty())
      result.kernel = argument;
    else
      throw UsageError("error: one kernel at a time: " + quoted(result.kernel) + " and then " + quoted(argument) +
                       " (a member of the config is changed with --set)");
  }
  return result;
}

/// The names among `names` that `wanted` may be a part or a misspelling of, best first.
std::vector<std::string> near_names(std::string_view wanted, const std::vector<std::string> &names) {
  std::vector<std::pair<unsigned, std::string>> scored;
  for (const std::string &name : names) {
    const unsigned distance = llvm::StringRef(name).edit_distance(llvm::StringRef(wanted));
    // What is missing from a name counts for nothing: people leave parts out.
    const std::size_t missing = name.size() - std::min(name.size(), wanted.size());
    if (distance - missing <= std::min<std::size_t>(3, wanted.size() / 3))
      scored.push_back({distance, name});
  }
  std::ranges::sort(scored);
  std::vector<std::string> result;
  for (auto &[score, name] : scored)
    if (result.size() < 5)
      result.push_back(name);
  return result;
}

std::string joined(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

const AnyKernel &find(std::string_view name, std::span<const AnyKernel> kernels) {
  std::vector<std::string> names;
  for (const AnyKernel &kernel : kernels) {
    if (kernel.name() == name)
      return kernel;
    names.push_back(kernel.name());
  }
  // A kernel in several types is a family of names.
  for (const AnyKernel &kernel : kernels)
    if (std::string_view(kernel.name()).substr(0, kernel.name().rfind('_')) == name)
      return kernel;
  const std::vector<std::string> near = near_names(name, names);
  throw UsageError("error: there is no kernel " + quoted(name) +
                   (near.empty() ? "; --list prints those there are" : "; did you mean " + joined(near) + "?"));
}

std::string field_text(const ConfigMember &field) {
  std::string text;
  if (field.kind == ConfigMember::Kind::floating)
    detail::append_number(text, field.value);
  else
    detail::append_number(text, static_cast<std::int64_t>(field.value));
  return std::string(field.name) + "=" + text;
}

/// Changes the value of the member that "FIELD=VALUE" names.
void set(const AnyKernel &kernel, std::vector<double> &values, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == assignment.npos)
    throw UsageError("error: --set " + quoted(assignment) + ": expected FIELD=VALUE");
  const std::string_view name = assignment.substr(0, equals), text = assignment.substr(equals + 1);
  const std::vector<ConfigMember> &fields = kernel.fields();
  const auto field = std::ranges::find(fields, name, &ConfigMember::name);
  if (field == fields.end()) {
    std::vector<std::string> names;
    for (const ConfigMember &known : fields)
      names.emplace_back(known.name);
    throw UsageError("error: " + kernel.name() + " has no config field " + quoted(name) + "; it has " + joined(names));
  }
  double &value = values[field - fields.begin()];
  if (field->kind == ConfigMember::Kind::boolean && (text == "true" || text == "false")) {
    value = text == "true";
    return;
  }
  std::int64_t integer = 0;
  const char *const end = text.data() + text.size();
  const auto [read, error] = field->kind == ConfigMember::Kind::floating ? std::from_chars(text.data(), end, value)
                                                                         : std::from_chars(text.data(), end, integer);
  const bool out_of_range = field->kind == ConfigMember::Kind::boolean && integer != 0 && integer != 1;
  if (error != std::errc() || read != end || text.empty() || out_of_range)
    throw UsageError("error: --set " + quoted(assignment) + ": expected " +
                     (field->kind == ConfigMember::Kind::boolean ? "true or false" : "a number") + " after '='");
  if (field->kind != ConfigMember::Kind::floating)
    value = static_cast<double>(integer);
}

void list(std::span<const AnyKernel> kernels) {
  for (const AnyKernel &kernel : kernels) {
    std::string line = kernel.name();
    for (const ConfigMember &field : kernel.fields())
      line += " " + field_text(field);
    std::puts(line.c_str());
  }
}

std::string emit(const AnyKernel &kernel, std::span<const double> values, const CommandLine &command) {
  if (!command.target) {
    if (command.stage != "tile")
      throw UsageError("error: --emit " + std::string(command.stage) + " needs --arch");
    return kernel.trace(values);
  }
  return kernel.emit(values, *command.target, command.stage);
}

void write(const std::string &path, const std::string &text) {
  std::FILE *file = path.empty() ? stdout : std::fopen(path.c_str(), "wb");
  bool ok = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (ok && path.empty())
    ok = std::fflush(file) == 0;
  else if (file && !path.empty())
    ok = std::fclose(file) == 0 && ok;
  if (!ok)
    throw Error("error: cannot write " + (path.empty() ? std::string("to standard output") : quoted(path)));
}

} // namespace

int kiln::compile_tool(int argc, const char *const *argv, std::span<const AnyKernel> kernels) {
  const char *const program = argc > 0 ? argv[0] : "tool";
  const bool line_info = debug::line_info();
  try {
    const CommandLine command = parse(llvm::ArrayRef(argv, argc).drop_front(argc > 0));
    if (command.help) {
      std::vector<std::string> targets;
      for (const Target &target : Target::all())
        targets.push_back(target.name());
      std::printf(help, program, joined(targets).c_str());
      return 0;
    }
    if (command.list) {
      list(kernels);
      return 0;
    }
    if (command.kernel.empty())
      throw UsageError("error: no kernel was named; --help prints what can be said");
    const AnyKernel &kernel = find(command.kernel, kernels);
    std::vector<double> values = kernel.defaults();
    for (std::string_view assignment : command.assignments)
      set(kernel, values, assignment);
    debug::set_line_info(line_info || command.line_info);
    const std::string text = emit(kernel, values, command);
    debug::set_line_info(line_info);
    write(command.output, text);
    return 0;
  } catch (const InvalidArgument &error) {
    debug::set_line_info(line_info);
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  } catch (const std::exception &error) {
    debug::set_line_info(line_info);
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
