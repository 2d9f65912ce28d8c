//===- Span.h - Subspaces over GF(2) ----------------------------*- C++ -*-===//
//
// The vectors that exclusive-ors of given ones reach. Bits of an integer are the coordinates of a vector.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LAYOUT_SPAN_H
#define KILN_LAYOUT_SPAN_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>
#include <utility>

namespace kiln {

/// A subspace, kept by Gaussian elimination. Each vector comes with a label; labels add up like the vectors do, so that
/// the label of a vector of the subspace says how it is made. Labels that are distinct powers of two tell the vectors
/// that were added apart.
class Span {
public:
  Span() = default;
  explicit Span(llvm::ArrayRef<uint64_t> vectors) {
    for (uint64_t vector : vectors)
      add(vector);
  }

  /// Enlarges the subspace by `vector`. Returns whether it was not in there before; if it was, nothing changes.
  bool add(uint64_t vector, uint64_t label = 0);
  bool contains(uint64_t vector) const;
  /// The label of `vector`: the exclusive-or of those of the vectors it is made of. Nothing if it is outside.
  std::optional<uint64_t> solve(uint64_t vector) const;
  /// Its dimension.
  unsigned size() const { return rows.size(); }

private:
  uint64_t reduce(uint64_t vector, uint64_t &label) const;

  /// (vector, label) with distinct leading bits, the largest first: one pass reduces a vector.
  llvm::SmallVector<std::pair<uint64_t, uint64_t>, 16> rows;
};

} // namespace kiln

#endif // KILN_LAYOUT_SPAN_H
