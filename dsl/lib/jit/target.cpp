#include "kiln/target.h"

#include "kiln/Target/NVPTX/GPUTarget.h"
#include "kiln/error.h"

using namespace kiln;

namespace {

const std::vector<std::string> &names() {
  static const std::vector<std::string> list = [] {
    std::vector<std::string> result{"cpu"};
    for (const gpu::GPUTarget &target : gpu::GPUTarget::all())
      result.push_back(target.name.str());
    for (const gpu::GPUTarget &target : gpu::GPUTarget::all())
      result.push_back("emulated:" + target.name.str());
    return result;
  }();
  return list;
}

} // namespace

Target Target::parse(std::string_view name) {
  std::string known;
  for (unsigned i = 0; i < names().size(); ++i) {
    if (names()[i] == name)
      return {names()[i], i};
    known += (i ? ", " : "") + names()[i];
  }
  throw InvalidArgument("error: unknown target '" + std::string(name) + "'; the targets are " + known);
}

std::vector<Target> Target::all() {
  std::vector<Target> result;
  for (unsigned i = 0; i < names().size(); ++i)
    result.push_back({names()[i], i});
  return result;
}
