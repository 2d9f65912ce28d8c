// What tools share whose command lines name kernels and change configs.
#pragma once

#include "kiln/any_kernel.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln {

/// Walks over a command line, the program's name left out. An option's value may follow it or be attached: "--set=x" is
/// "--set x".
class KILN_API ToolArguments {
public:
  ToolArguments(int argc, const char *const *argv);

  /// Goes to the next argument; false where there is none.
  bool next();
  /// The argument, without an attached value.
  std::string_view text() const { return text_; }
  /// Whether it is that option, to which no value is attached.
  bool is_flag(std::string_view option) const { return text_ == option && !attached_; }
  bool is_option() const { return text_.starts_with("-"); }
  /// The value of the option. Throws InvalidArgument where there is none: "error: --set needs FIELD=VALUE".
  std::string_view value(const char *what);
  /// The argument as the only kernel's name. Throws InvalidArgument where it is an option, or `kernel` has a name
  /// already; `hint` then says how something else is named.
  void take_kernel(std::string_view &kernel, const char *hint) const;

private:
  std::span<const char *const> rest_;
  std::string_view text_;
  std::optional<std::string_view> attached_;
};

/// Runs a tool; returns what its main() returns. Errors go to standard error: 2 for an InvalidArgument, 1 for any
/// other.
KILN_API int run_tool(const std::function<void()> &tool);

/// What --version prints: "Kiln 0.1.0".
KILN_API void print_version();

/// To the file, or to standard output where `path` is empty. Throws Error.
KILN_API void write_output(const std::string &path, const std::string &text);

/// The kernel of that name, or the first whose name is that with a type after it: "softmax" is "softmax_f16". Throws
/// InvalidArgument where there is none, with names that are alike, and where `name` is empty.
KILN_API const AnyKernel &kernel_named(std::string_view name, std::span<const AnyKernel> kernels);

/// Numbers that a command line can change.
struct Assignable {
  std::string owner;  ///< whose they are, for messages: "softmax_f16"
  const char *option; ///< "--set"
  const char *noun;   ///< "config field"
  std::span<const ConfigMember> members;
};

/// Changes the value, of those in the order of the members, that "FIELD=VALUE" names. Throws InvalidArgument where it
/// names none, or the value is none of the member's kind.
KILN_API void assign(std::vector<ConfigValue> &values, const Assignable &what, std::string_view assignment);

/// "block=1024".
KILN_API std::string member_text(const ConfigMember &member, const ConfigValue &value);

} // namespace kiln
