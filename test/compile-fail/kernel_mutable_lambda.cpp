// error: a kernel function changes nothing of its own: the lambda is not mutable
#include "kiln/kiln.h"

struct Config {
  int block = 4;
};

#ifdef CORRECT
kiln::Kernel k{"kernel", [](const Config &c, kiln::ptr<int> out) { kiln::store(out, c.block); }};
#else
kiln::Kernel k{"kernel", [](const Config &c, kiln::ptr<int> out) mutable { kiln::store(out, c.block); }};
#endif
