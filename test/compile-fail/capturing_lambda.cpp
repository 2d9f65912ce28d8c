// error: a kernel may not capture: its config must be its only input, because compiled kernels are found by it;
// error: pass the value as a config member or as a kernel parameter
#include "kiln/kiln.h"

struct Config {
  int block = 4;
};

void make(int block) {
#ifdef CORRECT
  (void)block;
  kiln::Kernel k{"kernel", [](const Config &c, kiln::ptr<int> out) { kiln::store(out, c.block); }};
#else
  kiln::Kernel k{"kernel", [block](const Config &, kiln::ptr<int> out) { kiln::store(out, block); }};
#endif
}
