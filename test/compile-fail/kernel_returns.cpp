// error: a kernel function returns nothing: it stores its results
#include "kiln/kiln.h"

struct Config {
  int block = 4;
};

#ifdef CORRECT
void kernel(const Config &c, kiln::ptr<int> out) { kiln::store(out, c.block); }
#else
int kernel(const Config &c, kiln::ptr<int>) { return c.block; }
#endif

kiln::Kernel k{"kernel", kernel};
