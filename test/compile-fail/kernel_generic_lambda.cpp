// error: a kernel function has one call operator whose parameters have types
#include "kiln/kiln.h"

struct Config {
  int block = 4;
};

#ifdef CORRECT
kiln::Kernel k{"kernel", [](const Config &c, kiln::ptr<int> out) { kiln::store(out, c.block); }};
#else
kiln::Kernel k{"kernel", [](const Config &c, auto out) { kiln::store(out, c.block); }};
#endif
