#include "kiln/any_kernel.h"

#include "kiln/tool_arguments.h"

using namespace kiln;

std::string ConfigValue::text() const {
  std::string text;
  visit([&](auto number) { detail::append_number(text, number); });
  return text;
}

void detail::refuse_member(std::string_view name, const ConfigValue &value) {
  throw InvalidArgument("error: config field '" + std::string(name) + "' cannot hold " + value.text());
}

std::vector<ConfigValue> AnyKernel::defaults() const {
  std::vector<ConfigValue> result;
  for (const ConfigMember &field : fields())
    result.push_back(field.value);
  return result;
}

void AnyKernel::check(std::span<const ConfigValue> values) const {
  if (values.size() != fields().size())
    throw InvalidArgument(name() + ": the config has " + std::to_string(fields().size()) + " members, " +
                          std::to_string(values.size()) + " values were given");
}

runtime::PackContent AnyKernel::pack(std::span<const ConfigValue> values, Target target) const {
  check(values);
  runtime::PackContent content = operations_->pack(*kernel_, values, target);
  for (std::size_t i = 0; i < values.size(); ++i)
    content.entry.config += (i ? " " : "") + member_text(fields()[i], values[i]);
  return content;
}
