// error: a kernel config has at most 16 members
#include "kiln/kiln.h"

struct Config {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;
#ifndef CORRECT
  int q;
#endif
};

void kernel(const Config &, kiln::ptr<int>) {}

std::string trace() { return kiln::Kernel{"kernel", kernel}.trace({}); }
