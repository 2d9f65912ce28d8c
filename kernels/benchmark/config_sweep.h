// Configs from the command line: "--set block_m=64,128" tries each value, several of them all combinations.
#pragma once

#include "benchmark/decode_cell.h"

#include "kiln/any_kernel.h"
#include "kiln/error.h"
#include "kiln/tool_arguments.h"
#include "lib/split.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::bench {

/// A config field and the values that are tried.
struct ConfigChange {
  std::string field;
  std::vector<std::string> values;
};

/// Throws InvalidArgument where the text is no positive number; `what` says what it was to be.
inline int whole_number(std::string_view text, const char *what) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1)
    throw InvalidArgument("error: " + std::string(what) + " is '" + std::string(text) + "', must be a positive number");
  return value;
}

/// "block_m=64,128". Throws InvalidArgument where there is no "=".
inline ConfigChange parse_change(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos)
    throw InvalidArgument("error: --set needs FIELD=VALUE[,VALUE...]; not '" + std::string(text) + "'");
  ConfigChange change{std::string(text.substr(0, equals)), {}};
  for (std::string_view value : kernels::split(text.substr(equals + 1), ','))
    change.values.emplace_back(value);
  return change;
}

/// The config with the changes, in all combinations. Throws InvalidArgument where the kernel has no such field.
template <class Config>
std::vector<Config> changed(const Config &first, const AnyKernel &kernel, const std::vector<ConfigChange> &changes) {
  std::vector<std::vector<ConfigValue>> all{config_values(first)};
  for (const ConfigChange &change : changes) {
    std::vector<std::vector<ConfigValue>> more;
    for (const std::vector<ConfigValue> &values : all)
      for (const std::string &value : change.values) {
        more.push_back(values);
        assign(more.back(), {kernel.name(), "--set", "config field", kernel.fields()}, change.field + "=" + value);
      }
    all = std::move(more);
  }
  std::vector<Config> configs;
  for (const std::vector<ConfigValue> &values : all)
    configs.push_back(detail::config_of<Config>(values));
  return configs;
}

/// "block_n=64 schedule=2 ...", without the fields that the problem decides.
template <class Config>
std::string tiles_text(const AnyKernel &kernel, const Config &config, std::span<const std::string_view> decided) {
  const std::vector<ConfigValue> values = config_values(config);
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (const ConfigMember &member = kernel.fields()[i]; std::ranges::find(decided, member.name) == decided.end())
      text += (text.empty() ? "" : " ") + member_text(member, values[i]);
  return text;
}

} // namespace kiln::bench
