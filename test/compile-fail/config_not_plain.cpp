// error: a kernel config is a plain struct: no constructors, bases or private members
#include "kiln/kiln.h"

struct Config {
  int block = 4;
#ifndef CORRECT
  Config() {}
#endif
};

void kernel(const Config &, kiln::ptr<int>) {}

std::string trace() { return kiln::Kernel{"kernel", kernel}.trace(Config{}); }
