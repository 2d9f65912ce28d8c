// error(g++): continue statement not within a loop
// error(clang): 'continue' statement not in loop statement
#include "kiln/kiln.h"

struct Config {};

void kernel(const Config &, kiln::ptr<int> out, kiln::scalar<int> n) {
  for (kiln::Tile i : kiln::range(n))
    kiln::if_(i > 3, [&] {
#ifdef CORRECT
      kiln::store(out + i, 1);
#else
      continue;
#endif
    });
}
