// error(g++): no matching function for call to|too few arguments
// error(clang): no matching member function|too few arguments
#include "kiln/kiln.h"

struct Config {};

void kernel(const Config &, kiln::ptr<float>, kiln::scalar<int>) {}

void launch(float *floats) {
  kiln::Kernel k{"kernel", kernel};
#ifdef CORRECT
  k.launch({}, {}, floats, 3);
#else
  k.launch({}, {}, floats);
#endif
}
