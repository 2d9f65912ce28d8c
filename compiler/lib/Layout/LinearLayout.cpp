//===- LinearLayout.cpp - Maps between index bits over GF(2) --------------===//

#include "kiln/Layout/LinearLayout.h"

#include "kiln/Layout/Span.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace kiln;
using llvm::ArrayRef;
using llvm::SmallVector;

//===----------------------------------------------------------------------===//
// Axis and Space
//===----------------------------------------------------------------------===//

std::string Axis::name() const {
  switch (id) {
  case 0:
    return "register";
  case 1:
    return "lane";
  case 2:
    return "warp";
  case 3:
    return "offset";
  default:
    return "dim" + std::to_string(id - 4);
  }
}

Space Space::ofShape(ArrayRef<int64_t> shape) {
  SmallVector<Part> parts;
  for (unsigned i = shape.size(); i-- > 0;)
    parts.push_back({Axis::dim(i), llvm::Log2_64(shape[i])});
  return Space(parts);
}

unsigned Space::getBits() const {
  unsigned bits = 0;
  for (const Part &part : parts)
    bits += part.bits;
  return bits;
}

unsigned Space::getBits(Axis axis) const {
  for (const Part &part : parts)
    if (part.axis == axis)
      return part.bits;
  return 0;
}

unsigned Space::getShift(Axis axis) const {
  unsigned shift = 0;
  for (const Part &part : parts) {
    if (part.axis == axis)
      break;
    shift += part.bits;
  }
  return shift;
}

bool Space::has(Axis axis) const {
  return llvm::any_of(parts, [&](const Part &part) { return part.axis == axis; });
}

uint64_t Space::getMask(Axis axis) const { return llvm::maskTrailingOnes<uint64_t>(getBits(axis)) << getShift(axis); }

uint64_t Space::getCoordinate(uint64_t point, Axis axis) const { return (point & getMask(axis)) >> getShift(axis); }

/// Moves a point of `from` to `to`, with the coordinate of each axis shifted up by the bits that `below` has of it.
static uint64_t embed(uint64_t point, const Space &from, const Space &to, const Space &below) {
  uint64_t result = 0;
  for (const Space::Part &part : from.getParts())
    result |= from.getCoordinate(point, part.axis) << (to.getShift(part.axis) + below.getBits(part.axis));
  return result;
}

//===----------------------------------------------------------------------===//
// LinearLayout
//===----------------------------------------------------------------------===//

LinearLayout::LinearLayout(Space input, Space output, ArrayRef<uint64_t> bases)
    : input(std::move(input)), output(std::move(output)), bases(bases) {
  assert(this->input.getBits() == bases.size() && "one basis for each input bit");
  assert(llvm::all_of(bases, [&](uint64_t b) { return b >> this->output.getBits() == 0; }) && "basis out of range");
}

LinearLayout LinearLayout::identity(Axis input, Axis output, unsigned bits) {
  SmallVector<uint64_t> bases;
  for (unsigned i = 0; i < bits; ++i)
    bases.push_back(uint64_t(1) << i);
  return LinearLayout(Space({{input, bits}}), Space({{output, bits}}), bases);
}

LinearLayout LinearLayout::zeros(Axis input, Axis output, unsigned bits) {
  return LinearLayout(Space({{input, bits}}), Space({{output, 0}}), SmallVector<uint64_t>(bits, 0));
}

ArrayRef<uint64_t> LinearLayout::getBases(Axis axis) const {
  return ArrayRef(bases).slice(input.has(axis) ? input.getShift(axis) : 0, input.getBits(axis));
}

uint64_t LinearLayout::apply(uint64_t point) const {
  uint64_t result = 0;
  for (; point; point &= point - 1)
    result ^= bases[llvm::countr_zero(point)];
  return result;
}

uint64_t LinearLayout::apply(uint64_t reg, uint64_t lane, uint64_t warp) const {
  return apply(reg << input.getShift(Axis::registers()) | lane << input.getShift(Axis::lane()) |
               warp << input.getShift(Axis::warp()));
}

/// The axes of both, in the order of their first appearance, with the sum of their bits.
static Space joinSpaces(const Space &inner, const Space &outer) {
  SmallVector<Space::Part> parts;
  for (const Space::Part &part : inner.getParts())
    parts.push_back({part.axis, part.bits + outer.getBits(part.axis)});
  for (const Space::Part &part : outer.getParts())
    if (!inner.has(part.axis))
      parts.push_back(part);
  return Space(parts);
}

LinearLayout LinearLayout::operator*(const LinearLayout &outer) const {
  Space in = joinSpaces(input, outer.input), out = joinSpaces(output, outer.output);
  SmallVector<uint64_t> images;
  for (const Space::Part &part : in.getParts()) {
    for (uint64_t basis : getBases(part.axis))
      images.push_back(embed(basis, output, out, Space()));
    for (uint64_t basis : outer.getBases(part.axis))
      images.push_back(embed(basis, outer.output, out, output));
  }
  return LinearLayout(in, out, images);
}

LinearLayout LinearLayout::compose(const LinearLayout &outer) const {
  assert(output == outer.input && "layouts that do not fit together");
  SmallVector<uint64_t> images;
  for (uint64_t basis : bases)
    images.push_back(outer.apply(basis));
  return LinearLayout(input, outer.output, images);
}

unsigned LinearLayout::getRank() const { return Span(bases).size(); }

LinearLayout LinearLayout::invert() const {
  Span span;
  for (auto [i, basis] : llvm::enumerate(bases))
    span.add(basis, uint64_t(1) << i);
  SmallVector<uint64_t> images;
  for (unsigned i = 0, e = output.getBits(); i < e; ++i) {
    std::optional<uint64_t> from = span.solve(uint64_t(1) << i);
    assert(from && "only a surjective layout can be inverted");
    images.push_back(*from);
  }
  return LinearLayout(output, input, images);
}

std::optional<LinearLayout> LinearLayout::divide(const LinearLayout &tile) const {
  // The spaces of the quotient: what the tile leaves of each axis.
  auto rest = [](const Space &whole, const Space &inner) -> std::optional<Space> {
    for (const Space::Part &part : inner.getParts())
      if (whole.getBits(part.axis) < part.bits)
        return std::nullopt;
    SmallVector<Space::Part> parts;
    for (const Space::Part &part : whole.getParts())
      parts.push_back({part.axis, part.bits - inner.getBits(part.axis)});
    return Space(parts);
  };
  std::optional<Space> in = rest(input, tile.input), out = rest(output, tile.output);
  if (!in || !out)
    return std::nullopt;

  SmallVector<uint64_t> images;
  for (const Space::Part &part : input.getParts()) {
    unsigned inner = tile.input.getBits(part.axis);
    for (auto [i, basis] : llvm::enumerate(getBases(part.axis))) {
      if (i < inner) {
        if (basis != embed(tile.getBases(part.axis)[i], tile.output, output, Space()))
          return std::nullopt;
        continue;
      }
      uint64_t image = 0;
      for (const Space::Part &to : output.getParts()) {
        uint64_t coordinate = output.getCoordinate(basis, to.axis);
        unsigned low = tile.output.getBits(to.axis);
        if (coordinate & llvm::maskTrailingOnes<uint64_t>(low))
          return std::nullopt;
        image |= (coordinate >> low) << out->getShift(to.axis);
      }
      images.push_back(image);
    }
  }
  return LinearLayout(*in, *out, images);
}

LinearLayout LinearLayout::project(ArrayRef<Axis> axes) const {
  SmallVector<Space::Part> parts;
  for (const Space::Part &part : output.getParts())
    if (llvm::is_contained(axes, part.axis))
      parts.push_back(part);
  Space kept(parts);
  SmallVector<uint64_t> images;
  for (uint64_t basis : bases) {
    uint64_t image = 0;
    for (const Space::Part &part : parts)
      image |= output.getCoordinate(basis, part.axis) << kept.getShift(part.axis);
    images.push_back(image);
  }
  return LinearLayout(input, kept, images);
}

LinearLayout LinearLayout::restrict(ArrayRef<Axis> axes) const {
  SmallVector<Space::Part> parts;
  SmallVector<uint64_t> images;
  for (Axis axis : axes) {
    parts.push_back({axis, input.getBits(axis)});
    llvm::append_range(images, getBases(axis));
  }
  return LinearLayout(Space(parts), output, images);
}

LinearLayout LinearLayout::withOutput(Space space) const {
  assert(space.getBits() == output.getBits() && "the number of elements changes");
  return LinearLayout(input, std::move(space), bases);
}

LinearLayout LinearLayout::withoutZeroBases(Axis axis) const {
  SmallVector<Space::Part> parts;
  SmallVector<uint64_t> images;
  for (const Space::Part &part : input.getParts()) {
    SmallVector<uint64_t> kept(getBases(part.axis));
    if (part.axis == axis)
      llvm::erase(kept, uint64_t(0));
    parts.push_back({part.axis, unsigned(kept.size())});
    llvm::append_range(images, kept);
  }
  return LinearLayout(Space(parts), output, images);
}

uint64_t LinearLayout::getDependentBits(Axis axis) const {
  uint64_t dependent = 0;
  Span span;
  for (const Space::Part &part : input.getParts())
    for (auto [i, basis] : llvm::enumerate(getBases(part.axis)))
      if (!span.add(basis) && part.axis == axis)
        dependent |= uint64_t(1) << i;
  return dependent;
}

void LinearLayout::print(llvm::raw_ostream &os) const {
  auto printBasis = [&](uint64_t basis) {
    os << '[';
    llvm::interleaveComma(llvm::reverse(output.getParts()), os,
                          [&](const Space::Part &part) { os << output.getCoordinate(basis, part.axis); });
    os << ']';
  };
  llvm::interleaveComma(input.getParts(), os, [&](const Space::Part &part) {
    os << part.axis.name() << " = [";
    llvm::interleaveComma(getBases(part.axis), os, printBasis);
    os << ']';
  });
}

std::string LinearLayout::str() const {
  std::string text;
  llvm::raw_string_ostream(text) << *this;
  return text;
}
