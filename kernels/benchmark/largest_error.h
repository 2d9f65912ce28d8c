// How wrong results are.
#pragma once

namespace kiln::bench {

/// The largest of several errors; NaN if one of them is, wherever it came.
class LargestError {
public:
  void add(double error) {
    if (error > value_ || error != error) // once it is NaN, nothing is larger
      value_ = error;
  }
  double value() const { return value_; }

private:
  double value_ = 0;
};

} // namespace kiln::bench
