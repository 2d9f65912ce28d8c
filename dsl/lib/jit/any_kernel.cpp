#include "kiln/any_kernel.h"

using namespace kiln;

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
