#include "kiln/device.h"

#include "kiln/error.h"

using namespace kiln;

Device Device::cuda(int ordinal) {
  throw DeviceError("Device::cuda(" + std::to_string(ordinal) +
                    "): this build of Kiln has no CUDA target; use Device::cpu() or Device::interpreter()");
}

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
  }
  return "none";
}
