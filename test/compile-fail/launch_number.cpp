// error: launch: scalar<bool> takes a bool, and a scalar of integers no floating-point number;
// error: convertible_to<double, int>
// error: convertible_to<int, bool>
// error: convertible_to<char ?\[3\], bool>
// error: launch: this argument does not convert to the type of the kernel's scalar<T>
#include "kiln/kiln.h"

struct Config {};

void kernel(const Config &, kiln::scalar<int>, kiln::scalar<bool>, kiln::scalar<kiln::half>) {}

void launch(int *integers, int flags) {
  kiln::Kernel k{"kernel", kernel};
#ifdef CORRECT
  k.launch({}, {}, static_cast<int>(3.7), flags != 0, kiln::half(1.0F));
  k.launch({}, {}, *integers, true, kiln::half(1.0F));
#else
  k.launch({}, {}, 3.7, flags, kiln::half(1.0F));
  k.launch({}, {}, integers, "no", 1.0F);
#endif
}
