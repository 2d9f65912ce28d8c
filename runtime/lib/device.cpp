#include "kiln/device.h"

#include "kiln/error.h"

#include <iterator>

using namespace kiln;

namespace {

// Those of the compiler, which this library does not know; a test compares them.
constexpr std::string_view archs[] = {"sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"};

} // namespace

Device Device::emulated(std::string_view arch) {
  std::string known;
  for (std::size_t i = 0; i < std::size(archs); ++i) {
    if (archs[i] == arch)
      return {Kind::emulated, static_cast<int>(i)};
    known += (i ? ", " : "") + std::string(archs[i]);
  }
  throw InvalidArgument("Device::emulated: unknown GPU architecture '" + std::string(arch) + "'; there are " + known);
}

std::string_view Device::arch() const { return kind_ == Kind::emulated ? archs[ordinal_] : std::string_view(); }

std::string Device::name() const {
  switch (kind_) {
  case Kind::none:
    return "none";
  case Kind::cpu:
    return "cpu";
  case Kind::interpreter:
    return "interpreter";
  case Kind::cuda:
    return "cuda:" + std::to_string(ordinal_);
  case Kind::emulated:
    return "emulated:" + std::string(arch());
  }
  return "none";
}
