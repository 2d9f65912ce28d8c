#include "kiln/target.h"

#include "kiln/error.h"

#include <array>

using namespace kiln;

namespace {

const std::array<std::string, 7> &names() {
  static const std::array<std::string, 7> list{"cpu", "sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"};
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
