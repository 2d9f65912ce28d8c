// error: a kernel function returns nothing: it stores its results
#include "kiln/kiln.h"

struct Config {
  int block = 4;
};

kiln::Kernel k{"kernel", [](const Config &c, kiln::ptr<int> out) {
#ifdef CORRECT
                 kiln::store(out, c.block);
#else
                 return out + c.block;
#endif
               }};
