// error(g++): ‘n’ is not a constant expression
// error(g++): LosslessOrConstant<int>\(n\)
// error(g++): LosslessOrConstant<float>\(x\)
// error(g++): LosslessOrConstant<float>\(count\)
// error(clang): LosslessOrConstant<int>::LosslessOrConstant<unsigned long>' is not a constant expression
// error(clang): LosslessOrConstant<float>::LosslessOrConstant<double>' is not a constant expression
// error(clang): LosslessOrConstant<float>::LosslessOrConstant<int>' is not a constant expression
#include "kiln/kiln.h"

struct Config {};

void kernel(const Config &, kiln::scalar<int>, kiln::scalar<float>) {}

void launch(std::size_t n, double x, int count) {
  kiln::Kernel k{"kernel", kernel};
#ifdef CORRECT
  k.launch({}, {}, static_cast<int>(n), static_cast<float>(x));
  k.launch({}, {}, count, static_cast<float>(count));
#else
  k.launch({}, {}, n, 1.0F);
  k.launch({}, {}, 1, x);
  k.launch({}, {}, 1, count);
#endif
}
