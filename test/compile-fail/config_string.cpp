// error: the members of a kernel config are numbers, booleans and enums, each by itself: no arrays, structs, strings or
// pointers
#include "kiln/kiln.h"

struct Config {
  int num_warps = 4;
#ifdef CORRECT
  int variant = 0;
#else
  std::string name = "a";
#endif
  bool causal = false;
};

void kernel(const Config &, kiln::ptr<int>) {}

std::string trace() { return kiln::Kernel{"kernel", kernel}.trace({}); }
