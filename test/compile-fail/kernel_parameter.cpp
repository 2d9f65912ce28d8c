// error: a kernel's parameters are kiln::ptr<T> and kiln::scalar<T>, taken by value
#include "kiln/kiln.h"

struct Config {};

#ifdef CORRECT
void kernel(const Config &, kiln::ptr<int> out, kiln::scalar<int> n) { kiln::store(out, n); }
#else
void kernel(const Config &, kiln::ptr<int> out, int n) { kiln::store(out, n); }
#endif

kiln::Kernel k{"kernel", kernel};
