// error: the first parameter of a kernel function is its config, by const reference
#include "kiln/kiln.h"

struct Config {};

#ifdef CORRECT
void kernel(const Config &, kiln::ptr<int> out) { kiln::store(out, 1); }
#else
void kernel(kiln::ptr<int> out) { kiln::store(out, 1); }
#endif

kiln::Kernel k{"kernel", kernel};
