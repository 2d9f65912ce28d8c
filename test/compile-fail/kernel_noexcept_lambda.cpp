// error: a kernel function is not noexcept: it is told of mistakes by exceptions
#include "kiln/kiln.h"

struct Config {
  int block = 4;
};

#ifdef CORRECT
kiln::Kernel k{"kernel", [](const Config &c, kiln::ptr<int> out) { kiln::store(out, c.block); }};
#else
kiln::Kernel k{"kernel", [](const Config &c, kiln::ptr<int> out) noexcept { kiln::store(out, c.block); }};
#endif
