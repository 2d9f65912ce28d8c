// ldmatrix, stmatrix.
#include "counters.h"
#include "semantics.h"
#include "shared_memory.h"
#include "warp_step.h"

#include <cstring>

using namespace kiln;
using namespace kiln::runtime::emulator;

namespace {

constexpr unsigned side = 8, row_bytes = 16; // 8 x 8 elements of 16 bits

using Matrix = std::uint16_t[side][side];

/// The lane whose address is that of a matrix's row.
constexpr unsigned lane_of(unsigned matrix, unsigned row) { return matrix * side + row; }

/// A register of a lane holds two neighbours of row lane / 4, or, transposed, of a column.
void place_of(unsigned lane, unsigned half, bool transposed, unsigned &row, unsigned &column) {
  row = lane / 4;
  column = lane % 4 * 2 + half;
  if (transposed)
    std::swap(row, column);
}

/// Eight rows of 16 bytes go through shared memory at once.
void count(const WarpStep &step, unsigned matrix) {
  LaneAccess rows[side];
  for (unsigned row = 0; row < side; ++row) {
    const unsigned lane = lane_of(matrix, row);
    rows[row] = step.has(lane) ? LaneAccess{step.operand(lane, 0), row_bytes} : LaneAccess{};
  }
  count_shared_access(step.counters().traffic, rows);
}

/// (address of a row): one register for each matrix.
Progress load(WarpStep &step, unsigned matrices, bool transposed) {
  Matrix loaded[4];
  for (unsigned m = 0; m < matrices; ++m) {
    count(step, m);
    for (unsigned row = 0; row < side; ++row) {
      const unsigned lane = lane_of(m, row);
      if (step.has(lane)) {
        step.shared().read(step, lane, step.operand(lane, 0), loaded[m][row], row_bytes, row_bytes);
        continue;
      }
      for (std::uint16_t &element : loaded[m][row])
        element = static_cast<std::uint16_t>(step.poison());
    }
  }
  step.for_each_lane([&](unsigned lane) {
    for (unsigned m = 0; m < matrices; ++m) {
      std::uint64_t bits = 0;
      for (unsigned half = 0; half < 2; ++half) {
        unsigned row, column;
        place_of(lane, half, transposed, row, column);
        bits |= std::uint64_t(loaded[m][row][column]) << (16 * half);
      }
      step.set_result(lane, m, bits);
    }
  });
  return Progress::done;
}

/// (address of a row, one register for each matrix)
Progress store(WarpStep &step, unsigned matrices, bool transposed) {
  for (unsigned m = 0; m < matrices; ++m) {
    count(step, m);
    Matrix stored;
    for (unsigned lane = 0; lane < warp_size; ++lane) {
      const std::uint64_t bits = step.has(lane) ? step.operand(lane, 1 + m) : step.poison();
      for (unsigned half = 0; half < 2; ++half) {
        unsigned row, column;
        place_of(lane, half, transposed, row, column);
        stored[row][column] = static_cast<std::uint16_t>(bits >> (16 * half));
      }
    }
    for (unsigned row = 0; row < side; ++row)
      if (const unsigned lane = lane_of(m, row); step.has(lane))
        step.shared().write(step, lane, step.operand(lane, 0), stored[row], row_bytes, row_bytes);
  }
  return Progress::done;
}

} // namespace

void kiln::runtime::emulator::add_matrix_accesses(SemanticsList &list) {
  for (unsigned matrices : {1, 2, 4}) {
    for (bool transposed : {false, true}) {
      const std::string shape = ".x" + std::to_string(matrices) + (transposed ? ".trans" : "");
      list.push_back({.name = "ldmatrix" + shape,
                      .kind = InstructionClass::shared_load,
                      .operands = 1,
                      .results = matrices,
                      .step = [=](WarpStep &step) { return load(step, matrices, transposed); },
                      .convergence = Convergence::warp});
      list.push_back({.name = "stmatrix" + shape,
                      .kind = InstructionClass::shared_store,
                      .operands = 1 + matrices,
                      .step = [=](WarpStep &step) { return store(step, matrices, transposed); },
                      .convergence = Convergence::warp});
    }
  }
}
