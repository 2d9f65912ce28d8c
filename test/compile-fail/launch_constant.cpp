// error(g++): LosslessOrConstant<int>\(4294967303\)
// error(g++): LosslessOrConstant<float>\(16777217\)
// error(g++): LosslessOrConstant<float>\(1.0\d*e\+300\)
// error(clang): LosslessOrConstant<int>::LosslessOrConstant<long>' is not a constant expression
// error(clang): LosslessOrConstant<float>::LosslessOrConstant<int>' is not a constant expression
// error(clang): LosslessOrConstant<float>::LosslessOrConstant<double>' is not a constant expression
// error: this_constant_does_not_fit_the_scalar_of_the_kernel
#include "kiln/kiln.h"

#include <cstddef>
#include <limits>

struct Config {};

void kernel(const Config &, kiln::ptr<const float>, kiln::scalar<int>, kiln::scalar<float>,
            kiln::scalar<std::int64_t>) {}

void launch(float *floats, const std::size_t count) {
  kiln::Kernel k{"kernel", kernel};
#ifdef CORRECT
  constexpr std::size_t block = 1024;
  const short few = 3;
  k.launch({}, {}, floats, 1024, 0, 1024);
  k.launch({}, {}, nullptr, block, 0.1, block);
  k.launch({}, {}, floats, sizeof(float), std::numeric_limits<double>::infinity(), count);
  k.launch({}, {}, floats, few, few, few);
#else
  k.launch({}, {}, floats, 4294967303, 0, 0);
  k.launch({}, {}, floats, 0, 16777217, 0);
  k.launch({}, {}, floats, 0, 1e300, count);
#endif
}
