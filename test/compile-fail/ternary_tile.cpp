// error: a traced value has no host truth value: use kiln::where for a select
#include "kiln/kiln.h"

struct Config {};

void kernel(const Config &, kiln::ptr<int> out, kiln::scalar<int> n) {
#ifdef CORRECT
  kiln::store(out, kiln::where(n > 3, n, n + 1));
#else
  kiln::store(out, n > 3 ? n : n + 1);
#endif
}
