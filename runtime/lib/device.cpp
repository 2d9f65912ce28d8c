#include "kiln/device.h"

using namespace kiln;

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
