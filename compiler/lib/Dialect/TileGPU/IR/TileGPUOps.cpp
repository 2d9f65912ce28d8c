//===- TileGPUOps.cpp - Verifiers and folds of operations on tiles --------===//

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

#define GET_OP_CLASSES
#include "kiln/Dialect/TileGPU/IR/TileGPUOps.cpp.inc"

//===----------------------------------------------------------------------===//
// convert_layout
//===----------------------------------------------------------------------===//

LogicalResult ConvertLayoutOp::verify() {
  RankedTensorType from = getSource().getType(), to = getResult().getType();
  if (from.getShape() != to.getShape() || from.getElementType() != to.getElementType())
    return emitOpError() << "changes " << from << " to " << to << ", but only the layout may change";
  for (RankedTensorType type : {from, to}) {
    LayoutAttr layout = getLayout(type);
    if (!layout)
      return emitOpError() << "has the type " << type << " without a layout";
    if (layout.getShape() != type.getShape())
      return emitOpError() << "has the type " << type << ", whose layout is one of another shape";
  }
  if (getLayout(from).getNumWarps() != getLayout(to).getNumWarps())
    return emitOpError() << "goes from a layout for " << getLayout(from).getNumWarps() << " warp(s) to one for "
                         << getLayout(to).getNumWarps();
  return success();
}

OpFoldResult ConvertLayoutOp::fold(FoldAdaptor) {
  if (getSource().getType() == getResult().getType())
    return getSource();
  // Of two conversions in a row the first one does not matter.
  if (auto before = getSource().getDefiningOp<ConvertLayoutOp>()) {
    getSourceMutable().assign(before.getSource());
    return getResult();
  }
  return {};
}

//===----------------------------------------------------------------------===//
// mma
//===----------------------------------------------------------------------===//

LogicalResult MmaOp::verify() {
  auto a = cast<RankedTensorType>(getA().getType()), b = cast<RankedTensorType>(getB().getType()),
       c = cast<RankedTensorType>(getC().getType());
  if (a.getRank() != 2 || b.getRank() != 2 || c.getRank() != 2 || a.getDimSize(1) != b.getDimSize(0) ||
      a.getDimSize(0) != c.getDimSize(0) || b.getDimSize(1) != c.getDimSize(1))
    return emitOpError() << "multiplies " << a << " by " << b << " into " << c << ": the shapes do not fit together";
  ArrayRef<int64_t> warps = getWarps();
  if (warps.size() != 2 || !llvm::isPowerOf2_64(warps[0]) || !llvm::isPowerOf2_64(warps[1]))
    return emitOpError() << "needs two powers of two as warps";
  if (!c.getEncoding())
    return success();
  auto check = [&](RankedTensorType type, const LinearLayout &layout, StringRef what) -> LogicalResult {
    if (type.getEncoding() != LayoutAttr::get(getContext(), layout))
      return emitOpError() << what << " has the type " << type << ", but mma.sync needs the layout " << layout.str();
    return success();
  };
  unsigned bits = a.getElementTypeBitWidth();
  if (failed(check(a, mmaOperandLayout(0, a.getShape(), warps, bits), "the first operand")) ||
      failed(check(b, mmaOperandLayout(1, b.getShape(), warps, bits), "the second operand")))
    return failure();
  return check(c, mmaResultLayout(c.getShape(), warps), "the result");
}
