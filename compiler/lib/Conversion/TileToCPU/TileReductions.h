//===- TileReductions.h - Reductions and scans on the CPU -------*- C++ -*-===//

#ifndef KILN_LIB_CONVERSION_TILETOCPU_TILEREDUCTIONS_H
#define KILN_LIB_CONVERSION_TILETOCPU_TILEREDUCTIONS_H

#include "mlir/IR/PatternMatch.h"

namespace kiln {

/// tile.reduce with a combiner that has a neutral element to linalg.generic; other combiners, and tile.scan, to loops
/// over scalars.
void populateTileReductionPatterns(mlir::RewritePatternSet &patterns);

} // namespace kiln

#endif // KILN_LIB_CONVERSION_TILETOCPU_TILEREDUCTIONS_H
