// error(g++): cannot convert (‘|')int\*(’|') to (‘|').*Host
// error(clang): cannot initialize a parameter of type '.*Host'.* with an lvalue of type 'int \*'
#include "kiln/kiln.h"

struct Config {};

void kernel(const Config &, kiln::ptr<const float>, kiln::scalar<int>) {}

void launch(int *integers, float *floats) {
  kiln::Kernel k{"kernel", kernel};
#ifdef CORRECT
  k.launch({.grid = 4, .device = kiln::Device::cpu()}, {}, floats, 3);
#else
  k.launch({.grid = 4, .device = kiln::Device::cpu()}, {}, integers, 3);
#endif
}
