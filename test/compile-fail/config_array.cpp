// error: the members of a kernel config are numbers, booleans and enums, each by itself: no arrays, structs, strings or
// pointers
#include "kiln/kiln.h"

struct Config {
  int num_warps = 4;
#ifdef CORRECT
  int block_m = 1, block_n = 2, block_k = 3;
#else
  int blocks[3] = {1, 2, 3};
#endif
  bool causal = false;
};

void kernel(const Config &, kiln::ptr<int>) {}

std::string trace() { return kiln::Kernel{"kernel", kernel}.trace({}); }
