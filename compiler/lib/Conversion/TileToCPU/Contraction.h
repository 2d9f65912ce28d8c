//===- Contraction.h - Dots as register blocks ------------------*- C++ -*-===//
//
// c[m, n] += sum over k of a[m, k] * b[k, n], with a row-major and as wide as c, and b either row-major ([k, n]) or as
// it lies when the dot is by a transposed tile ([n, k]), as wide as c or narrower.
//
//   b[k, n]:  accumulators c[m0..m0+R, n0..n0+C] are vectors along n. Each step of k loads C/V vectors of b, widens
//   each
//             once, and multiplies them with R broadcast elements of a.
//   b[n, k]:  accumulators are vectors of partial sums along k. Each step of V elements loads R vectors of a and C of
//   b.
//             They are added up at the end.
//
// R * C/V (or R * C) accumulators are 8: enough independent multiply-adds to cover a latency of 4 cycles at two a
// cycle, and with the operands they fit the 16 registers of AVX2.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LIB_CONVERSION_TILETOCPU_CONTRACTION_H
#define KILN_LIB_CONVERSION_TILETOCPU_CONTRACTION_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace kiln {

/// Where the rows of b, as they lie in memory, come from.
class RightRows {
public:
  virtual ~RightRows() = default;
  /// Announces that rows first .. first + count - 1 are read next.
  virtual void enter(mlir::OpBuilder &builder, mlir::Value first, int64_t count) = 0;
  /// A place, amid the multiplications, to ask the cache for a part of the rows after the announced ones: what follows
  /// the announced row `row`, or, where that is -1, what follows any of them at `column`.
  virtual void prefetch(mlir::OpBuilder &builder, int64_t row, mlir::Value column) {}
  /// Elements from `column` on of row `row`, counted from the first one announced.
  virtual mlir::Value run(mlir::OpBuilder &builder, int64_t row, mlir::Value column, int64_t width) = 0;
};

struct Contraction {
  mlir::Value a;      ///< [m, k], a tensor or a buffer
  RightRows &b;       ///< rows of length n, or of length k where b is transposed
  mlir::Value c;      ///< [m, n], a tensor or a buffer
  mlir::Value result; ///< [m, n], a buffer; may be c
  bool bIsTransposed;
  int64_t m, n, k;
  /// Rows of b that are announced together, and multiplied before the next ones are; 0 for as many as suit the
  /// registers.
  int64_t rowsPerStep;
};

void emitContraction(mlir::OpBuilder &builder, mlir::Location loc, const Contraction &contraction, int64_t vectorBits);

} // namespace kiln

#endif // KILN_LIB_CONVERSION_TILETOCPU_CONTRACTION_H
