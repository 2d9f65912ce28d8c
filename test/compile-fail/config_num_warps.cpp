// error: num_warps of a kernel config is an integer: int num_warps = 4;
#include "kiln/kiln.h"

struct Config {
  int block = 64;
#ifdef CORRECT
  int num_warps = 4;
#else
  float num_warps = 2.5F;
#endif
};

void kernel(const Config &, kiln::ptr<int>) {}

std::string trace() { return kiln::Kernel{"kernel", kernel}.trace({}); }
