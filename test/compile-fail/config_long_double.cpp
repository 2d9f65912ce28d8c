// error: the members of a kernel config have at most 8 bytes each: no long double or __int128
#include "kiln/kiln.h"

struct Config {
  int num_warps = 4;
#ifdef CORRECT
  double scale = 1;
#else
  long double scale = 1;
#endif
};

void kernel(const Config &, kiln::ptr<int>) {}

std::string trace() { return kiln::Kernel{"kernel", kernel}.trace({}); }
