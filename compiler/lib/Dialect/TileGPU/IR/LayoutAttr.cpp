//===- LayoutAttr.cpp - Layouts as attributes -----------------------------===//

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

#define GET_ATTRDEF_CLASSES
#include "kiln/Dialect/TileGPU/IR/TileGPUAttrs.cpp.inc"

void TileGPUDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "kiln/Dialect/TileGPU/IR/TileGPUAttrs.cpp.inc"
      >();
}

LayoutAttr LayoutAttr::get(MLIRContext *context, const LinearLayout &layout) {
  return get(context, kiln::getShape(layout), layout.getBases(), layout.getInput().getBits(Axis::registers()),
             layout.getInput().getBits(Axis::warp()));
}

static Space inputSpace(unsigned registerBits, unsigned warpBits) {
  return Space({{Axis::registers(), registerBits}, {Axis::lane(), kLaneBits}, {Axis::warp(), warpBits}});
}

LinearLayout LayoutAttr::getLinear() const {
  return LinearLayout(inputSpace(getRegisterBits(), getWarpBits()), Space::ofShape(getShape()), getBases());
}

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> shape,
                                 ArrayRef<uint64_t> bases, unsigned registerBits, unsigned warpBits) {
  if (bases.size() != registerBits + kLaneBits + warpBits)
    return emitError() << "a layout needs " << kLaneBits << " lane bases";
  LinearLayout layout(inputSpace(registerBits, warpBits), Space::ofShape(shape), bases);
  if (llvm::is_contained(layout.getBases(Axis::registers()), 0))
    return emitError() << "a register basis is 0: a thread would hold an element twice";
  if (!layout.isSurjective())
    return emitError() << "the layout leaves out elements of its tile";
  return success();
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

// <register = [[0, 1]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  llvm::SMLoc loc = parser.getCurrentLocation();
  SmallVector<SmallVector<int64_t>> bases;
  auto parseGroup = [&](StringRef name) -> ParseResult {
    if (parser.parseKeyword(name) || parser.parseEqual())
      return failure();
    return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() -> ParseResult {
      SmallVector<int64_t> &basis = bases.emplace_back();
      return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                            [&] { return parser.parseInteger(basis.emplace_back()); });
    });
  };
  if (parser.parseLess() || parseGroup("register") || parser.parseComma())
    return {};
  unsigned registerBits = bases.size();
  if (parseGroup("lane") || parser.parseComma())
    return {};
  unsigned laneEnd = bases.size();
  if (parseGroup("warp") || parser.parseGreater())
    return {};
  if (laneEnd - registerBits != kLaneBits) {
    parser.emitError(loc) << "a layout needs " << kLaneBits << " lane bases";
    return {};
  }

  // A layout covers its tile, so that the highest bit in use says how large each dimension is.
  unsigned rank = bases[registerBits].size();
  SmallVector<int64_t> shape(rank, 1);
  for (ArrayRef<int64_t> basis : bases) {
    if (basis.size() != rank) {
      parser.emitError(loc) << "the bases of a layout have different numbers of coordinates";
      return {};
    }
    for (auto [size, coordinate] : llvm::zip(shape, basis)) {
      if (coordinate < 0) {
        parser.emitError(loc) << "a coordinate of a basis is negative";
        return {};
      }
      size = std::max<int64_t>(size, llvm::NextPowerOf2(coordinate));
    }
  }
  Space space = Space::ofShape(shape);
  SmallVector<uint64_t> points;
  for (ArrayRef<int64_t> basis : bases) {
    uint64_t &point = points.emplace_back(0);
    for (auto [dim, coordinate] : llvm::enumerate(basis))
      point |= uint64_t(coordinate) << space.getShift(Axis::dim(dim));
  }
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), shape, points, registerBits,
                    unsigned(bases.size() - laneEnd));
}

void LayoutAttr::print(AsmPrinter &printer) const {
  printer << '<';
  getLinear().print(printer.getStream());
  printer << '>';
}
