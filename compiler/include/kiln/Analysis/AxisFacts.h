//===- AxisFacts.h - Contiguity, divisibility and constancy of tiles ----------------------------*- C++ -*-===//
//
// What is known about the elements of an integer or pointer tile along each of its axes. Lowerings ask it which
// accesses are contiguous, which masks are the same for neighbouring lanes, and which loads read one address many
// times.
//
// Along an axis of n elements, three powers of two are known:
//
//   contiguity c    cut the axis into n / c runs of c elements: within each run every element is its predecessor plus 1
//                   (for pointers: plus the size of the element that it points to). Integers wrap: the successor of 127
//                   : i8 is -128.
//   divisibility d  the first element of each of these runs is a multiple of d; of a pointer, the address in bytes is.
//   constancy k     cut the axis into n / k runs of k elements: the elements of a run are equal.
//
// and of all elements a signed range. For example, of  x[i] = 64 * p + i  with i in [0, 32): contiguity 32,
// divisibility 64, constancy 1; of x / 16: contiguity 1, divisibility 1, constancy 16; of x % 16: contiguity 16,
// divisibility 16, constancy 1.
//
// All facts hold for wrapping arithmetic but one: an offset of `tile.addptr` that is narrower than 64 bits and
// contiguous is assumed not to wrap within a run. It could only do so in a tile whose lanes are 2^31 elements apart.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_ANALYSIS_AXISFACTS_H
#define KILN_ANALYSIS_AXISFACTS_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace mlir {
class DataFlowSolver;
} // namespace mlir

namespace kiln::tile {

/// What is known about the elements of one value. A scalar has one axis of size 1.
class AxisFacts {
public:
  /// The largest divisibility, that of 0.
  static constexpr int64_t kMaxDivisibility = int64_t(1) << 62;

  /// Facts along one axis; see the top of this file.
  struct Axis {
    int64_t size = 1;
    int64_t contiguity = 1;
    int64_t divisibility = 1;
    int64_t constancy = 1;
    bool operator==(const Axis &) const = default;
  };

  /// No value reaches here (yet): what a join leaves unchanged.
  AxisFacts() = default;

  /// Nothing known about a value of `shape` (empty for a scalar). `width` is that of an integer, or 0; `unit` is what
  /// one step of a contiguous run adds: 1, or the bytes of an element for a pointer.
  AxisFacts(llvm::ArrayRef<int64_t> shape, unsigned width, int64_t unit = 1);

  /// Nothing known about a value of `type`.
  static AxisFacts unknown(mlir::Type type);

  /// The largest power of two that divides `value`.
  static int64_t getPowerOfTwoIn(int64_t value);

  bool isUninitialized() const { return axes.empty(); }
  unsigned getNumAxes() const { return axes.size(); }
  unsigned getWidth() const { return width; }
  int64_t getUnit() const { return unit; }

  const Axis &getAxis(unsigned axis) const { return axes[axis]; }
  int64_t getContiguity(unsigned axis) const { return axes[axis].contiguity; }
  int64_t getDivisibility(unsigned axis) const { return axes[axis].divisibility; }
  int64_t getConstancy(unsigned axis) const { return axes[axis].constancy; }

  /// The divisibility of the first elements of runs of `length` elements along `axis`: what is left when runs are cut
  /// shorter.
  int64_t getDivisibilityAt(unsigned axis, int64_t length) const;
  /// What every element is a multiple of.
  int64_t getDivisibilityOfAll() const;

  /// The smallest and the largest element of an integer (i1: 0 and 1; otherwise signed).
  int64_t getMin() const { return min; }
  int64_t getMax() const { return max; }
  bool isNonNegative() const { return width != 0 && min >= 0; }
  /// The value of all elements of an integer, where it is known.
  std::optional<int64_t> getConstant() const;

  /// Of an integer, the length of the contiguous runs along `axis` which start at a multiple of their length. They do
  /// not wrap.
  int64_t getAlignedContiguity(unsigned axis) const;
  /// The length of the runs along `axis` which are contiguous as signed (or unsigned) integers too: which do not wrap.
  int64_t getContiguityWithoutWrap(unsigned axis, bool isSigned = true) const;

  /// Sets facts, and draws the conclusions from them. Lengths are cut to the axis.
  AxisFacts &setAxis(unsigned axis, int64_t contiguity, int64_t divisibility, int64_t constancy);
  AxisFacts &setRange(int64_t min, int64_t max);
  /// Every element is a multiple of `divisor`, or of the largest power of two in it.
  AxisFacts &setDivisibilityOfAll(int64_t divisor);

  /// What holds wherever `lhs` or `rhs` may come from. Ranges that grow are widened to 0 or to the end of the type, so
  /// that a loop reaches its fixed point in a few rounds.
  static AxisFacts join(const AxisFacts &lhs, const AxisFacts &rhs);

  bool operator==(const AxisFacts &) const = default;
  void print(llvm::raw_ostream &os) const;

private:
  void conclude();

  llvm::SmallVector<Axis, 2> axes;
  unsigned width = 0;
  int64_t unit = 1;
  int64_t min = INT64_MIN, max = INT64_MAX;
};

//===----------------------------------------------------------------------===//
// Algebra
//===----------------------------------------------------------------------===//

/// Facts about results from facts about operands of one shape, for wrapping arithmetic of one width.
namespace facts {
AxisFacts constant(llvm::ArrayRef<int64_t> shape, unsigned width, int64_t value);
/// start, start + 1, ... along the only axis.
AxisFacts arange(int64_t size, unsigned width, int64_t start);
/// Facts about integers that are known one by one, in row-major order.
AxisFacts elements(llvm::ArrayRef<int64_t> shape, unsigned width, llvm::ArrayRef<int64_t> values);

AxisFacts add(const AxisFacts &lhs, const AxisFacts &rhs);
AxisFacts sub(const AxisFacts &lhs, const AxisFacts &rhs);
AxisFacts mul(const AxisFacts &lhs, const AxisFacts &rhs);
/// Division that truncates. A divisor of zero or an overflow has no result to speak of.
AxisFacts div(const AxisFacts &lhs, const AxisFacts &rhs, bool isSigned);
/// The remainder of `div`.
AxisFacts rem(const AxisFacts &lhs, const AxisFacts &rhs, bool isSigned);
AxisFacts bitAnd(const AxisFacts &lhs, const AxisFacts &rhs);
AxisFacts bitOr(const AxisFacts &lhs, const AxisFacts &rhs);
AxisFacts shiftLeft(const AxisFacts &lhs, const AxisFacts &rhs);
AxisFacts shiftRight(const AxisFacts &lhs, const AxisFacts &rhs, bool isSigned);
AxisFacts minimum(const AxisFacts &lhs, const AxisFacts &rhs);
AxisFacts maximum(const AxisFacts &lhs, const AxisFacts &rhs);

/// lhs < rhs, lhs <= rhs, lhs == rhs and their negations have the facts of these three.
AxisFacts less(const AxisFacts &lhs, const AxisFacts &rhs, bool isSigned);
AxisFacts lessOrEqual(const AxisFacts &lhs, const AxisFacts &rhs, bool isSigned);
AxisFacts equal(const AxisFacts &lhs, const AxisFacts &rhs);

/// To another integer width.
AxisFacts extend(const AxisFacts &source, unsigned width, bool isSigned);
AxisFacts truncate(const AxisFacts &source, unsigned width);

/// `condition` has one value, or the shape of the others.
AxisFacts select(const AxisFacts &condition, const AxisFacts &ifTrue, const AxisFacts &ifFalse);

/// A pointer moved by `offset` elements; sign-extended offsets are assumed not to wrap within a run.
AxisFacts addPointer(const AxisFacts &base, const AxisFacts &offset);

/// Facts about what an operation computes from each element of `operands` alone: equal operands give equal results.
/// `result` has the shape of the operands, of which those with one value count for none.
AxisFacts elementwise(AxisFacts result, llvm::ArrayRef<AxisFacts> operands);

AxisFacts splat(const AxisFacts &source, llvm::ArrayRef<int64_t> shape);
AxisFacts expandDims(const AxisFacts &source, unsigned axis);
AxisFacts broadcast(const AxisFacts &source, llvm::ArrayRef<int64_t> shape);
AxisFacts trans(const AxisFacts &source, llvm::ArrayRef<int32_t> order);
AxisFacts reshape(const AxisFacts &source, llvm::ArrayRef<int64_t> shape);
} // namespace facts

//===----------------------------------------------------------------------===//
// Analysis
//===----------------------------------------------------------------------===//

/// Axis facts of the values under an operation, a module or a function, through loops and branches. They are computed
/// when it is made; it does not follow later changes. An analysis of MLIR's analysis manager:
/// `getAnalysis<AxisFactsAnalysis>()`.
class AxisFactsAnalysis {
public:
  explicit AxisFactsAnalysis(mlir::Operation *root);
  ~AxisFactsAnalysis();

  /// Facts about `value`; where the analysis did not reach it, that nothing is known.
  AxisFacts get(mlir::Value value) const;

private:
  std::unique_ptr<mlir::DataFlowSolver> solver;
};

} // namespace kiln::tile

#endif // KILN_ANALYSIS_AXISFACTS_H
