#include "kiln/any_kernel.h"

#include "kiln/tool_arguments.h"

using namespace kiln;

void detail::refuse_member(std::string_view name, double value) {
  std::string text;
  append_number(text, value);
  throw InvalidArgument("error: config field '" + std::string(name) + "' cannot hold " + text);
}

std::vector<double> AnyKernel::defaults() const {
  std::vector<double> result;
  for (const ConfigMember &field : fields())
    result.push_back(field.value);
  return result;
}

void AnyKernel::check(std::span<const double> values) const {
  if (values.size() != fields().size())
    throw InvalidArgument(name() + ": the config has " + std::to_string(fields().size()) + " members, " +
                          std::to_string(values.size()) + " values were given");
}

runtime::PackContent AnyKernel::pack(std::span<const double> values, Target target) const {
  check(values);
  runtime::PackContent content = operations_->pack(*kernel_, values, target);
  for (std::size_t i = 0; i < values.size(); ++i)
    content.entry.config += (i ? " " : "") + member_text(fields()[i], values[i]);
  return content;
}
