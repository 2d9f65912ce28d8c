#include "kiln/device.h"

#include "kiln/error.h"

#include <charconv>
#include <iterator>
#include <system_error>

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

Device Device::parse(std::string_view name) {
  if (name == "cpu")
    return cpu();
  if (name == "interpreter")
    return interpreter();
  if (name == "cuda")
    return cuda();
  std::string_view rest = name;
  auto begins = [&](std::string_view kind) {
    return name.starts_with(kind) && (rest = name.substr(kind.size()), true);
  };
  if (begins("emulated:"))
    return emulated(rest);
  int ordinal = 0;
  if (begins("cuda:"))
    if (auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), ordinal);
        error == std::errc() && end == rest.data() + rest.size())
      return cuda(ordinal);
  throw InvalidArgument("unknown device '" + std::string(name) +
                        "'; there are cpu, interpreter, cuda:N and emulated:ARCH, such as emulated:sm_90a");
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
