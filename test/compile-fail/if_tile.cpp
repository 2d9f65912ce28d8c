// error: a traced value has no host truth value: use kiln::where for a select, kiln::if_ for a branch,
// error: and &, \| instead of &&, \|\|
#include "kiln/kiln.h"

struct Config {};

void kernel(const Config &, kiln::ptr<int> out, kiln::scalar<int> n) {
#ifdef CORRECT
  kiln::if_(n > 3, [&] { kiln::store(out, n); });
#else
  if (n > 3)
    kiln::store(out, n);
#endif
}
