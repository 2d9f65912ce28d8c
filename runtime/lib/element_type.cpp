#include "kiln/element_type.h"

using namespace kiln;

const char *kiln::name_of(DType dtype) {
  constexpr const char *names[] = {"i1", "i8", "i16", "i32", "i64", "f8e4m3", "f8e5m2", "f16", "bf16", "f32", "f64"};
  return names[static_cast<int>(dtype)];
}
