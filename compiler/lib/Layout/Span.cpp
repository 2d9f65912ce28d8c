//===- Span.cpp - Subspaces over GF(2) ------------------------------------===//

#include "kiln/Layout/Span.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace kiln;

uint64_t Span::reduce(uint64_t vector, uint64_t &label) const {
  for (const auto &[row, rowLabel] : rows) {
    if (vector >> llvm::Log2_64(row) & 1) {
      vector ^= row;
      label ^= rowLabel;
    }
  }
  return vector;
}

bool Span::add(uint64_t vector, uint64_t label) {
  vector = reduce(vector, label);
  if (vector == 0)
    return false;
  auto place = llvm::find_if(rows, [&](const auto &row) { return row.first < vector; });
  rows.insert(place, {vector, label});
  return true;
}

bool Span::contains(uint64_t vector) const {
  uint64_t label = 0;
  return reduce(vector, label) == 0;
}

std::optional<uint64_t> Span::solve(uint64_t vector) const {
  uint64_t label = 0;
  if (reduce(vector, label) != 0)
    return std::nullopt;
  return label;
}
