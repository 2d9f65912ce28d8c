//===- ScanLayout.h - The layout in which scans run -------------*- C++ -*-===//

#ifndef KILN_DIALECT_TILEGPU_TRANSFORMS_SCANLAYOUT_H
#define KILN_DIALECT_TILEGPU_TRANSFORMS_SCANLAYOUT_H

#include "kiln/Layout/Layouts.h"

namespace kiln::tile_gpu {

/// A layout in which the elements along `axis` lie in the order of the bits of register, lane and warp: a thread has
/// neighbours, the next lane the next ones, and so on. Warps share the other dimensions as far as these reach, and then
/// the axis.
LinearLayout getScanLayout(llvm::ArrayRef<int64_t> shape, unsigned axis, int64_t numWarps);

} // namespace kiln::tile_gpu

#endif // KILN_DIALECT_TILEGPU_TRANSFORMS_SCANLAYOUT_H
