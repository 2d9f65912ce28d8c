// error: the members of a kernel config have at most 8 bytes each: no long double or __int128
#include "kiln/kiln.h"

#ifdef CORRECT
enum class Mode : unsigned long long { fast, exact };
#else
__extension__ enum class Mode : unsigned __int128 { fast, exact };
#endif

struct Config {
  Mode mode = Mode::fast;
};

void kernel(const Config &, kiln::ptr<int>) {}

std::string trace() { return kiln::Kernel{"kernel", kernel}.trace({}); }
