// error: the first parameter of a kernel function is its config, by const reference
#include "kiln/kiln.h"

struct Config {
  int block = 4;
};

#ifdef CORRECT
kiln::Kernel k{"kernel", [](const Config &c, kiln::ptr<int> out) { kiln::store(out, c.block); }};
#else
kiln::Kernel k{"kernel", [](Config c, kiln::ptr<int> out) { kiln::store(out, c.block); }};
#endif
