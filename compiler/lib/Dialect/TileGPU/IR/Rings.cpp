//===- Rings.cpp - Tiles that are copied while the threads compute --------===//

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

#define GET_TYPEDEF_CLASSES
#include "kiln/Dialect/TileGPU/IR/TileGPUTypes.cpp.inc"

void TileGPUDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "kiln/Dialect/TileGPU/IR/TileGPUTypes.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// The type
//===----------------------------------------------------------------------===//

int64_t RingType::getSlotBytes() const { return llvm::product_of(getShape()) * getElementBytes(); }

LogicalResult RingType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t slots, ArrayRef<int64_t> shape,
                               Type elementType, SharedLayoutAttr layout) {
  if (slots < 2)
    return emitError() << "a ring has two slots or more, not " << slots;
  if (!tile::isNumberType(elementType))
    return emitError() << "a ring has tiles of numbers, not of " << elementType;
  if (layout.getShape() != shape)
    return emitError() << "the tiles of a ring and their layout have different shapes";
  return success();
}

// <3x64x128xf16, #layout>

Type RingType::parse(AsmParser &parser) {
  llvm::SMLoc loc = parser.getCurrentLocation();
  SmallVector<int64_t> sizes;
  Type elementType;
  SharedLayoutAttr layout;
  if (parser.parseLess() || parser.parseDimensionList(sizes, /*allowDynamic=*/false) || parser.parseType(elementType) ||
      parser.parseComma() || parser.parseAttribute(layout) || parser.parseGreater())
    return {};
  if (sizes.size() < 2) {
    parser.emitError(loc) << "a ring has a number of slots and the sizes of their tiles";
    return {};
  }
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), sizes.front(),
                    ArrayRef(sizes).drop_front(), elementType, layout);
}

void RingType::print(AsmPrinter &printer) const {
  printer << '<' << getSlots() << 'x';
  printer.printDimensionList(getShape());
  printer << 'x' << getElementType() << ", " << getLayout() << '>';
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

/// Whether `type`, a tensor of `element`, has a layout and the shape of the tiles of a ring, or of a part of them that
/// begins at `begin`.
static LogicalResult verifyTile(Operation *op, RankedTensorType type, Type element, Value rings,
                                DenseI64ArrayAttr begin = {}) {
  auto ring = cast<RingType>(rings.getType());
  if (!rings.getDefiningOp<AllocRingOp>())
    return op->emitOpError() << "uses a ring that no 'tile_gpu.alloc_ring' yields";
  bool isPart = begin && begin.size() == type.getRank() && type.getRank() == int64_t(ring.getShape().size());
  if (begin && !isPart)
    return op->emitOpError() << "reads a part of " << ring << " that begins at " << begin.size()
                             << " number(s) and is of type " << type << ": the ranks differ";
  if (isPart) {
    for (auto [at, size, whole] : llvm::zip_equal(begin.asArrayRef(), type.getShape(), ring.getShape()))
      if (at < 0 || at % size != 0 || at + size > whole)
        return op->emitOpError() << "reads " << size << " of " << whole << " elements of a dimension from " << at
                                 << " on: a part begins at a multiple of its size and ends in the tile";
  }
  if ((!isPart && type.getShape() != ring.getShape()) || element != ring.getElementType())
    return op->emitOpError() << "moves between " << ring << " and " << type << ": the tiles differ";
  LayoutAttr layout = getLayout(type);
  if (!layout)
    return op->emitOpError() << "has the type " << type << " without a layout";
  if (layout.getShape() != type.getShape())
    return op->emitOpError() << "has the type " << type << ", whose layout is one of another shape";
  return success();
}

LogicalResult AsyncLoadOp::verify() {
  auto type = cast<RankedTensorType>(getPointer().getType());
  if (failed(verifyTile(*this, type, cast<tile::PtrType>(type.getElementType()).getPointeeType(), getRing())))
    return failure();
  if (!getLayout(type).getLinear().isInjective())
    return emitOpError() << "has the type " << type
                         << ", of which several threads hold one element: they would copy it "
                         << "into each other's way";
  if (getMask() &&
      (getMask().getType().getShape() != type.getShape() || getMask().getType().getEncoding() != type.getEncoding()))
    return emitOpError() << "has a mask of type " << getMask().getType() << " for pointers of type " << type;
  return success();
}

LogicalResult RingLoadOp::verify() {
  auto type = cast<RankedTensorType>(getResult().getType());
  return verifyTile(*this, type, type.getElementType(), getRing(), getBeginAttr());
}
