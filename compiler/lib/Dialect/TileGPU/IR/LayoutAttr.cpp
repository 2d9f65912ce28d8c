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

SharedLayoutAttr SharedLayoutAttr::get(MLIRContext *context, const LinearLayout &layout) {
  return get(context, kiln::getShape(layout), layout.getBases());
}

LinearLayout SharedLayoutAttr::getLinear() const {
  return LinearLayout(Space({{Axis::offset(), unsigned(getBases().size())}}), Space::ofShape(getShape()), getBases());
}

LogicalResult SharedLayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> shape,
                                       ArrayRef<uint64_t> bases) {
  LinearLayout layout(Space({{Axis::offset(), unsigned(bases.size())}}), Space::ofShape(shape), bases);
  if (!layout.isInjective() || !layout.isSurjective())
    return emitError() << "a layout of shared memory has one place for each element";
  return success();
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

// <register = [[0, 1]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>
// <offset = [[0, 1], [0, 2]]>

using Coordinates = SmallVector<SmallVector<int64_t>>;

/// Appends a list of bases: "register = [[0, 1]]".
static ParseResult parseGroup(AsmParser &parser, StringRef name, Coordinates &bases) {
  if (parser.parseKeyword(name) || parser.parseEqual())
    return failure();
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() -> ParseResult {
    SmallVector<int64_t> &basis = bases.emplace_back();
    return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square,
                                          [&] { return parser.parseInteger(basis.emplace_back()); });
  });
}

/// Points and sets of bits are 64-bit words, and sizes are signed.
static constexpr unsigned kMaxBits = 62;

/// A layout covers its tile, so that the highest bit in use says how large each dimension is.
static FailureOr<SmallVector<int64_t>> findShape(AsmParser &parser, llvm::SMLoc loc, const Coordinates &bases,
                                                 unsigned rank) {
  if (bases.size() > kMaxBits)
    return parser.emitError(loc) << "a layout has at most " << kMaxBits << " bases";
  SmallVector<int64_t> shape(rank, 1);
  for (ArrayRef<int64_t> basis : bases) {
    if (basis.size() != rank)
      return parser.emitError(loc) << "the bases of a layout have different numbers of coordinates";
    for (auto [size, coordinate] : llvm::zip(shape, basis)) {
      if (coordinate < 0)
        return parser.emitError(loc) << "a coordinate of a basis is negative";
      if (coordinate >> kMaxBits)
        return parser.emitError(loc) << "a layout has at most 2^" << kMaxBits << " elements";
      size = std::max<int64_t>(size, llvm::NextPowerOf2(coordinate));
    }
  }
  unsigned bits = 0;
  for (int64_t size : shape)
    bits += llvm::Log2_64(size);
  if (bits > kMaxBits)
    return parser.emitError(loc) << "a layout has at most 2^" << kMaxBits << " elements";
  return shape;
}

static SmallVector<uint64_t> getPoints(const Coordinates &bases, ArrayRef<int64_t> shape) {
  Space space = Space::ofShape(shape);
  SmallVector<uint64_t> points;
  for (ArrayRef<int64_t> basis : bases) {
    uint64_t &point = points.emplace_back(0);
    for (auto [dim, coordinate] : llvm::enumerate(basis))
      if (coordinate != 0) // the shift of a dimension of one element may be all of a word
        point |= uint64_t(coordinate) << space.getShift(Axis::dim(dim));
  }
  return points;
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  llvm::SMLoc loc = parser.getCurrentLocation();
  Coordinates bases;
  if (parser.parseLess() || parseGroup(parser, "register", bases) || parser.parseComma())
    return {};
  unsigned registerBits = bases.size();
  if (parseGroup(parser, "lane", bases) || parser.parseComma())
    return {};
  unsigned laneEnd = bases.size();
  if (parseGroup(parser, "warp", bases) || parser.parseGreater())
    return {};
  if (laneEnd - registerBits != kLaneBits) {
    parser.emitError(loc) << "a layout needs " << kLaneBits << " lane bases";
    return {};
  }
  FailureOr<SmallVector<int64_t>> shape = findShape(parser, loc, bases, bases[registerBits].size());
  if (failed(shape))
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), *shape, getPoints(bases, *shape),
                    registerBits, unsigned(bases.size() - laneEnd));
}

void LayoutAttr::print(AsmPrinter &printer) const {
  printer << '<';
  getLinear().print(printer.getStream());
  printer << '>';
}

Attribute SharedLayoutAttr::parse(AsmParser &parser, Type) {
  llvm::SMLoc loc = parser.getCurrentLocation();
  Coordinates bases;
  if (parser.parseLess() || parseGroup(parser, "offset", bases) || parser.parseGreater())
    return {};
  FailureOr<SmallVector<int64_t>> shape = findShape(parser, loc, bases, bases.empty() ? 1 : bases.front().size());
  if (failed(shape))
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), *shape, getPoints(bases, *shape));
}

void SharedLayoutAttr::print(AsmPrinter &printer) const {
  printer << '<';
  getLinear().print(printer.getStream());
  printer << '>';
}
