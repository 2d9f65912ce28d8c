// A program's own kernels, and a command that prints what they are compiled to. row_scale.test says what it must be.
#include "kiln/compile_tool.h"
#include "kiln/kiln.h"

namespace {

struct RowScaleConfig {
  int block = 512; // a power of two, at least the number of columns
  int num_warps = 4;
};

/// out[row, i] = x[row, i] * factor[row]
void row_scale(const RowScaleConfig &c, kiln::ptr<const kiln::half> x, kiln::ptr<const float> factor,
               kiln::ptr<kiln::half> out, kiln::scalar<std::int64_t> stride, kiln::scalar<int> cols) {
  // Rows of whole 16-byte pieces are copied in such pieces; others are copied correctly.
  kiln::assume_multiple(stride, 8);
  kiln::assume_multiple(cols, 8);
  auto row = kiln::program_id(0);
  auto i = kiln::arange(0, c.block);
  auto mask = i < cols;
  auto value = kiln::load(x + row * stride + i, {.mask = mask}).to(kiln::f32) * kiln::load(factor + row);
  kiln::store(out + row * stride + i, value.to(kiln::f16), {.mask = mask});
}

const kiln::Kernel row_scale_kernel{"row_scale", row_scale};

} // namespace

int main(int argc, char **argv) { return kiln::compile_tool(argc, argv, {row_scale_kernel}); }
