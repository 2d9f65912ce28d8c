// error: no element type stores this C\+\+ type: use bool, a signed integer, half, bfloat16, float8_e4m3, float8_e5m2,
// error: float or double
#include "kiln/kiln.h"

struct Config {};

#ifdef CORRECT
void kernel(const Config &, kiln::ptr<const int>) {}
#else
void kernel(const Config &, kiln::ptr<const unsigned>) {}
#endif

kiln::Kernel k{"kernel", kernel};
