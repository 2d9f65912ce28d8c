// error: '\|\|' cannot be traced: write \(a\) \| \(b\)
#include "kiln/kiln.h"

struct Config {};

void kernel(const Config &, kiln::ptr<int> out, kiln::scalar<int> n) {
#ifdef CORRECT
  kiln::store(out, 1, {.mask = (n > 3) | true});
#else
  kiln::store(out, 1, {.mask = n > 3 || true});
#endif
}
