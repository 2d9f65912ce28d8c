#include "kiln/tool_arguments.h"

#include "kiln/error.h"
#include "kiln/version.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <system_error>

using namespace kiln;

namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string joined(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

bool is_misspelling(llvm::StringRef wanted, llvm::StringRef of) {
  const auto most = static_cast<unsigned>(std::min<std::size_t>(3, wanted.size() / 3));
  return wanted.edit_distance(of, /*AllowReplacements=*/true, /*MaxEditDistance=*/most) <= most;
}

/// Whether `wanted` is `name` misspelt, without some of its parts, or cut short: "atention_f16" is near
/// "paged_attention_decode_f16". Whole parts are left out, not letters, or a few letters would be near every long name.
bool is_near(llvm::StringRef wanted, llvm::StringRef name) {
  constexpr std::size_t most_parts = 6; // there are 2^parts ways to leave some out
  if (wanted.size() >= 3 && name.contains(wanted))
    return true;
  llvm::SmallVector<llvm::StringRef> parts;
  name.split(parts, '_', most_parts - 1);
  for (unsigned kept = 1; kept < 1U << parts.size(); ++kept) {
    std::string text;
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (kept >> i & 1)
        text += (text.empty() ? "" : "_") + parts[i].str();
    if (is_misspelling(wanted, text))
      return true;
  }
  return false;
}

/// The names among `names` that `wanted`, or what comes before its type, is near; best first.
std::vector<std::string> near_names(llvm::StringRef wanted, const std::vector<std::string> &names) {
  const llvm::StringRef family = wanted.rsplit('_').first;
  std::vector<std::pair<unsigned, std::string>> scored;
  for (const std::string &name : names)
    if (is_near(wanted, name) || is_near(family, name))
      scored.push_back({llvm::StringRef(name).edit_distance(wanted), name});
  std::ranges::sort(scored);
  std::vector<std::string> result;
  for (auto &[score, name] : scored)
    if (result.size() < 5)
      result.push_back(name);
  return result;
}

} // namespace

ToolArguments::ToolArguments(int argc, const char *const *argv)
    : rest_(argv + (argc > 0), static_cast<std::size_t>(std::max(argc - 1, 0))) {}

bool ToolArguments::next() {
  if (rest_.empty())
    return false;
  text_ = rest_.front();
  rest_ = rest_.subspan(1);
  attached_.reset();
  if (const std::size_t equals = text_.find('='); text_.starts_with("--") && equals != text_.npos) {
    attached_ = text_.substr(equals + 1);
    text_ = text_.substr(0, equals);
  }
  return true;
}

std::string_view ToolArguments::value(const char *what) {
  if (attached_)
    return *attached_;
  if (rest_.empty())
    throw InvalidArgument("error: " + std::string(text_) + " needs " + what);
  const std::string_view value = rest_.front();
  rest_ = rest_.subspan(1);
  return value;
}

void ToolArguments::take_kernel(std::string_view &kernel, const char *hint) const {
  if (is_option())
    throw InvalidArgument("error: unknown option " + quoted(text_));
  if (!kernel.empty())
    throw InvalidArgument("error: one kernel at a time: " + quoted(kernel) + " and then " + quoted(text_) + " (" +
                          hint + ")");
  kernel = text_;
}

int kiln::run_tool(const std::function<void()> &tool) {
  try {
    tool();
    return 0;
  } catch (const InvalidArgument &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}

void kiln::print_version() { std::printf("Kiln %s\n", version()); }

void kiln::write_output(const std::string &path, const std::string &text) {
  std::FILE *file = path.empty() ? stdout : std::fopen(path.c_str(), "wb");
  int error = file ? 0 : errno;
  if (file && std::fwrite(text.data(), 1, text.size(), file) != text.size())
    error = errno;
  if (file && (path.empty() ? std::fflush(file) : std::fclose(file)) != 0 && error == 0)
    error = errno;
  if (error != 0)
    throw Error("error: cannot write " + (path.empty() ? std::string("to standard output") : quoted(path)) + ": " +
                std::generic_category().message(error));
}

const AnyKernel &kiln::kernel_named(std::string_view name, std::span<const AnyKernel> kernels) {
  if (name.empty())
    throw InvalidArgument("error: no kernel was named; --help prints what can be said");
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
  throw InvalidArgument("error: there is no kernel " + quoted(name) +
                        (near.empty() ? "; --list prints those there are" : "; did you mean " + joined(near) + "?"));
}

void kiln::assign(std::vector<ConfigValue> &values, const Assignable &what, std::string_view assignment) {
  const std::string option = what.option;
  const std::size_t equals = assignment.find('=');
  if (equals == assignment.npos)
    throw InvalidArgument("error: " + option + " " + quoted(assignment) + ": expected FIELD=VALUE");
  const std::string_view name = assignment.substr(0, equals), text = assignment.substr(equals + 1);
  const auto field = std::ranges::find(what.members, name, &ConfigMember::name);
  if (field == what.members.end()) {
    std::vector<std::string> names;
    for (const ConfigMember &known : what.members)
      names.emplace_back(known.name);
    throw InvalidArgument("error: " + what.owner + " has no " + what.noun + " " + quoted(name) + "; it has " +
                          joined(names));
  }
  ConfigValue &value = values[static_cast<std::size_t>(field - what.members.begin())];
  if (field->kind == ConfigMember::Kind::boolean && (text == "true" || text == "false")) {
    value = text == "true";
    return;
  }
  const auto read_as = [&]<class T>(T number) {
    const char *const end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || read != end || text.empty())
      return false;
    value = number;
    return true;
  };
  const bool is_number = field->kind == ConfigMember::Kind::floating
                             ? read_as(0.0)
                             : read_as(std::int64_t(0)) || read_as(std::uint64_t(0));
  if (!is_number || (field->kind == ConfigMember::Kind::boolean && value != 0 && value != 1))
    throw InvalidArgument("error: " + option + " " + quoted(assignment) + ": expected " +
                          (field->kind == ConfigMember::Kind::boolean ? "true or false" : "a number") + " after '='");
}

std::string kiln::member_text(const ConfigMember &member, const ConfigValue &value) {
  return std::string(member.name) + "=" + value.text();
}
