// error: a kernel config is a plain struct: no constructors, bases or private members
#include "kiln/kiln.h"

struct Tiles {
  int block = 4;
};

#ifdef CORRECT
struct Config {
  int block = 4;
  int num_warps = 4;
};
#else
struct Config : Tiles {
  int num_warps = 4;
};
#endif

void kernel(const Config &, kiln::ptr<int>) {}

std::string trace() { return kiln::Kernel{"kernel", kernel}.trace({}); }
