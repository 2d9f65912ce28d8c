//===- LinearLayout.h - Maps between index bits over GF(2) ------*- C++ -*-===//
//
// Where the elements of a tile live. A layout of a tile says which element the register r of lane l of warp w holds; a
// layout of shared memory says which element lies at which offset. Both are linear maps over GF(2): the bits of the
// result are exclusive-ors of bits of the input, so the whole map is given by the images of single input bits, its
// bases.
//
//     L(r, l, w) = xor of the bases of all bits that are 1 in r, l and w,        L(0) = 0.
//
// For example, 32 lanes that hold 8 neighbouring elements each of a row of 256:
//
//     register = [1, 2, 4], lane = [8, 16, 32, 64, 128]
//
// Sums of powers of two, permutations, replication (a basis of 0: the lanes that differ in this bit hold the same
// element) and swizzles (a basis with several bits) are all of this form, and it is closed under composition and
// inversion. The idea is that of "Linear Layouts" (arXiv 2505.23819).
//
// The input and the output of a layout are each a *space*: a list of axes with a number of bits each, the axis with the
// least significant bits first. A point of a space is one integer, the bits of its axes side by side. The output of a
// tile's layout has one axis for each dimension of the tile, the last dimension first, so that a point is the row-major
// number of an element.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LAYOUT_LINEARLAYOUT_H
#define KILN_LAYOUT_LINEARLAYOUT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <optional>
#include <string>

namespace kiln {

/// A name for some bits of a point.
class Axis {
public:
  static constexpr Axis registers() { return Axis(0); }
  static constexpr Axis lane() { return Axis(1); }
  static constexpr Axis warp() { return Axis(2); }
  /// A place in shared memory, counted in elements.
  static constexpr Axis offset() { return Axis(3); }
  /// A dimension of a tile.
  static constexpr Axis dim(unsigned index) { return Axis(4 + index); }

  std::string name() const;
  bool operator==(const Axis &) const = default;

private:
  constexpr explicit Axis(unsigned id) : id(id) {}
  unsigned id;
};

/// Axes with a number of bits each; the first has the least significant ones.
class Space {
public:
  struct Part {
    Axis axis;
    unsigned bits;
    bool operator==(const Part &) const = default;
  };

  Space() = default;
  Space(llvm::ArrayRef<Part> parts) : parts(parts) {}
  /// The elements of a tile of `shape`, whose dimensions are powers of two.
  static Space ofShape(llvm::ArrayRef<int64_t> shape);

  llvm::ArrayRef<Part> getParts() const { return parts; }
  unsigned getBits() const;
  /// 0 for an axis that the space lacks.
  unsigned getBits(Axis axis) const;
  /// The position of the lowest bit of an axis.
  unsigned getShift(Axis axis) const;
  bool has(Axis axis) const;
  /// The coordinate of a point along an axis.
  uint64_t getCoordinate(uint64_t point, Axis axis) const;
  /// The bits of an axis in a point.
  uint64_t getMask(Axis axis) const;

  bool operator==(const Space &) const = default;

private:
  llvm::SmallVector<Part, 3> parts;
};

class LinearLayout {
public:
  LinearLayout() = default;
  /// The layout whose input bit i has the image `bases[i]`.
  LinearLayout(Space input, Space output, llvm::ArrayRef<uint64_t> bases);
  /// From `input` to `output` bit by bit, for one axis each.
  static LinearLayout identity(Axis input, Axis output, unsigned bits);
  /// Everything to 0: `bits` of `input` which do not matter; the output is of 0 bits of `output`.
  static LinearLayout zeros(Axis input, Axis output, unsigned bits);

  const Space &getInput() const { return input; }
  const Space &getOutput() const { return output; }
  /// The images of all input bits.
  llvm::ArrayRef<uint64_t> getBases() const { return bases; }
  /// The images of the bits of one input axis.
  llvm::ArrayRef<uint64_t> getBases(Axis axis) const;
  /// How many values an input axis has: 2 to the number of its bits.
  int64_t getSize(Axis axis) const { return int64_t(1) << input.getBits(axis); }

  /// The image of a point.
  uint64_t apply(uint64_t point) const;
  /// The image of (register, lane, warp).
  uint64_t apply(uint64_t reg, uint64_t lane, uint64_t warp) const;
  /// The coordinate of the image of a point along an output axis.
  uint64_t apply(uint64_t point, Axis axis) const { return output.getCoordinate(apply(point), axis); }

  /// The direct product: on axes that both have, `this` takes the low bits and `outer` the high ones.
  LinearLayout operator*(const LinearLayout &outer) const;
  /// `outer` after `this`. The output of `this` is the input of `outer`.
  LinearLayout compose(const LinearLayout &outer) const;
  /// The dimension of the image.
  unsigned getRank() const;
  bool isInjective() const { return getRank() == input.getBits(); }
  bool isSurjective() const { return getRank() == output.getBits(); }
  /// A layout G with this(G(y)) = y for all y: the inverse, if there is one; otherwise, of the inputs with one image
  /// the one that uses the lowest input bits. Needs a surjective layout.
  LinearLayout invert() const;
  /// The part Q with this = tile * Q, where there is one. The inputs and outputs of `tile` are axes of this layout.
  std::optional<LinearLayout> divide(const LinearLayout &tile) const;

  /// Sets the bits of all output axes but `axes` to 0 and drops these axes.
  LinearLayout project(llvm::ArrayRef<Axis> axes) const;
  /// The same map with the input axes `axes` alone, in this order; the others are held at 0.
  LinearLayout restrict(llvm::ArrayRef<Axis> axes) const;
  /// The same points under other names: the output becomes `space`, which has as many bits.
  LinearLayout withOutput(Space space) const;
  /// Without the input bits of `axis` which have a basis of 0.
  LinearLayout withoutZeroBases(Axis axis) const;
  /// The input bits of `axis` whose basis is linearly dependent on the bases of the input bits before them: points that
  /// differ in such bits are, together with lower bits, copies of each other. Bit i of the result is bit i of the axis.
  uint64_t getDependentBits(Axis axis) const;

  bool operator==(const LinearLayout &) const = default;
  /// "register = [[0, 1], [0, 2]], lane = [[1, 0]]": of each basis the coordinates, the first dimension first.
  void print(llvm::raw_ostream &os) const;
  std::string str() const;

private:
  Space input, output;
  llvm::SmallVector<uint64_t, 16> bases;
};

inline llvm::raw_ostream &operator<<(llvm::raw_ostream &os, const LinearLayout &layout) {
  layout.print(os);
  return os;
}

} // namespace kiln

#endif // KILN_LAYOUT_LINEARLAYOUT_H
