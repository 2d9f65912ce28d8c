//===- layout_test.cpp - Linear layouts against brute force ---------------===//
//
// The algebra on random maps, and each factory against what it promises, element by element: the fragments of mma.sync
// are those of the tables of the PTX ISA, shared layouts are checked for the bank conflicts that they are there to
// avoid.
//
//===----------------------------------------------------------------------===//

#include "kiln/Layout/Layouts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

using namespace kiln;

namespace {

using Shape = llvm::SmallVector<int64_t>;

int64_t volume(llvm::ArrayRef<int64_t> shape) {
  int64_t product = 1;
  for (int64_t size : shape)
    product *= size;
  return product;
}

/// (register, lane, warp) to the coordinates of the element, the first dimension first.
std::vector<uint64_t> coordinatesOf(const LinearLayout &layout, uint64_t reg, uint64_t lane, uint64_t warp) {
  std::vector<uint64_t> coordinates;
  uint64_t image = layout.apply(reg, lane, warp);
  for (unsigned i = 0, e = layout.getOutput().getParts().size(); i < e; ++i)
    coordinates.push_back(layout.getOutput().getCoordinate(image, Axis::dim(i)));
  return coordinates;
}

template <typename Function>
void forEachPlace(const LinearLayout &layout, Function function) {
  for (int64_t warp : llvm::seq<int64_t>(layout.getSize(Axis::warp())))
    for (int64_t lane : llvm::seq<int64_t>(layout.getSize(Axis::lane())))
      for (int64_t reg : llvm::seq<int64_t>(layout.getSize(Axis::registers())))
        function(reg, lane, warp);
}

/// A layout of a tile must give a thread no element twice, and every element to someone.
void expectTileLayout(const LinearLayout &layout) {
  EXPECT_TRUE(layout.isSurjective()) << layout.str();
  EXPECT_EQ(layout.getSize(Axis::lane()), 32) << layout.str();
  LinearLayout ofThread = layout.restrict({Axis::registers()});
  EXPECT_TRUE(ofThread.isInjective()) << layout.str();
}

class Random {
public:
  explicit Random(unsigned seed) : engine(seed) {}
  uint64_t below(uint64_t limit) { return std::uniform_int_distribution<uint64_t>(0, limit - 1)(engine); }

  LinearLayout layout(Space input, Space output) {
    llvm::SmallVector<uint64_t> bases;
    for (unsigned i = 0, e = input.getBits(); i < e; ++i)
      bases.push_back(below(uint64_t(1) << output.getBits()));
    return LinearLayout(input, output, bases);
  }
  Space space(llvm::ArrayRef<Axis> axes, unsigned most) {
    llvm::SmallVector<Space::Part> parts;
    for (Axis axis : axes)
      parts.push_back({axis, unsigned(below(most + 1))});
    return Space(parts);
  }

private:
  std::mt19937 engine;
};

const llvm::SmallVector<Axis> kThreadAxes = {Axis::registers(), Axis::lane(), Axis::warp()};
const llvm::SmallVector<Axis> kTileAxes = {Axis::dim(1), Axis::dim(0)};

uint64_t sizeOf(const Space &space) { return uint64_t(1) << space.getBits(); }

//===----------------------------------------------------------------------===//
// The algebra
//===----------------------------------------------------------------------===//

TEST(LinearLayout, IsLinear) {
  Random random(1);
  for (int round = 0; round < 50; ++round) {
    LinearLayout layout = random.layout(random.space(kThreadAxes, 3), random.space(kTileAxes, 4));
    for (uint64_t a = 0; a < sizeOf(layout.getInput()); ++a) {
      uint64_t b = random.below(sizeOf(layout.getInput()));
      EXPECT_EQ(layout.apply(a ^ b), layout.apply(a) ^ layout.apply(b));
    }
  }
}

TEST(LinearLayout, ComposesAsFunctionsDo) {
  Random random(2);
  for (int round = 0; round < 50; ++round) {
    Space middle = random.space(kTileAxes, 4);
    LinearLayout inner = random.layout(random.space(kThreadAxes, 3), middle);
    LinearLayout outer = random.layout(middle, random.space({Axis::offset()}, 8));
    LinearLayout both = inner.compose(outer);
    for (uint64_t point = 0; point < sizeOf(inner.getInput()); ++point)
      EXPECT_EQ(both.apply(point), outer.apply(inner.apply(point)));
  }
}

TEST(LinearLayout, RankIsTheLogarithmOfTheImage) {
  Random random(3);
  for (int round = 0; round < 100; ++round) {
    LinearLayout layout = random.layout(random.space(kThreadAxes, 3), random.space(kTileAxes, 3));
    std::set<uint64_t> image;
    for (uint64_t point = 0; point < sizeOf(layout.getInput()); ++point)
      image.insert(layout.apply(point));
    EXPECT_EQ(image.size(), uint64_t(1) << layout.getRank());
    EXPECT_EQ(layout.isSurjective(), image.size() == sizeOf(layout.getOutput()));
    EXPECT_EQ(layout.isInjective(), image.size() == sizeOf(layout.getInput()));
  }
}

TEST(LinearLayout, InvertFindsTheSourceWithTheLowestBits) {
  Random random(4);
  int inverted = 0;
  for (int round = 0; round < 400; ++round) {
    LinearLayout layout = random.layout(random.space(kThreadAxes, 3), random.space(kTileAxes, 2));
    if (!layout.isSurjective())
      continue;
    ++inverted;
    LinearLayout inverse = layout.invert();
    EXPECT_EQ(inverse.getInput(), layout.getOutput());
    EXPECT_EQ(inverse.getOutput(), layout.getInput());
    // No source uses an input bit that lower ones make superfluous.
    uint64_t superfluous = 0;
    for (const Space::Part &part : layout.getInput().getParts())
      superfluous |= layout.getDependentBits(part.axis) << layout.getInput().getShift(part.axis);
    for (uint64_t image = 0; image < sizeOf(layout.getOutput()); ++image) {
      EXPECT_EQ(layout.apply(inverse.apply(image)), image);
      EXPECT_EQ(inverse.apply(image) & superfluous, 0u) << layout.str();
    }
    EXPECT_EQ(superfluous == 0, layout.isInjective());
  }
  EXPECT_GT(inverted, 100);
}

TEST(LinearLayout, ProductActsOnLowAndHighBits) {
  Random random(5);
  for (int round = 0; round < 50; ++round) {
    LinearLayout inner = random.layout(random.space(kThreadAxes, 2), random.space(kTileAxes, 2));
    LinearLayout outer = random.layout(random.space(kThreadAxes, 2), random.space(kTileAxes, 2));
    LinearLayout both = inner * outer;
    forEachPlace(inner, [&](uint64_t reg, uint64_t lane, uint64_t warp) {
      uint64_t outerReg = random.below(outer.getSize(Axis::registers())),
               outerLane = random.below(outer.getSize(Axis::lane())),
               outerWarp = random.below(outer.getSize(Axis::warp()));
      std::vector<uint64_t> low = coordinatesOf(inner, reg, lane, warp),
                            high = coordinatesOf(outer, outerReg, outerLane, outerWarp),
                            all = coordinatesOf(both, reg | outerReg << inner.getInput().getBits(Axis::registers()),
                                                lane | outerLane << inner.getInput().getBits(Axis::lane()),
                                                warp | outerWarp << inner.getInput().getBits(Axis::warp()));
      for (unsigned dim : {0, 1})
        EXPECT_EQ(all[dim], low[dim] | high[dim] << inner.getOutput().getBits(Axis::dim(dim)));
    });
    // Division takes the product apart again.
    std::optional<LinearLayout> quotient = both.divide(inner);
    ASSERT_TRUE(quotient);
    EXPECT_EQ(inner * *quotient, both);
  }
}

TEST(LinearLayout, DivideRefusesWhatIsNoProduct) {
  LinearLayout tile = LinearLayout::identity(Axis::registers(), Axis::dim(0), 2);
  Space registers({{Axis::registers(), 3}}), eight({{Axis::dim(0), 3}});
  EXPECT_TRUE(LinearLayout(registers, eight, {1, 2, 4}).divide(tile));
  EXPECT_FALSE(LinearLayout(registers, eight, {2, 1, 4}).divide(tile)) << "another order inside";
  EXPECT_FALSE(LinearLayout(registers, eight, {1, 2, 5}).divide(tile)) << "the outer part reaches inside";
  EXPECT_FALSE(LinearLayout(Space({{Axis::registers(), 1}}), Space({{Axis::dim(0), 1}}), {1}).divide(tile)) << "small";
}

TEST(LinearLayout, PartsOfALayout) {
  Space input({{Axis::registers(), 2}, {Axis::lane(), 2}, {Axis::warp(), 1}}), output = Space::ofShape({4, 8});
  LinearLayout layout(input, output, {1, 0, 8, 17, 6});
  EXPECT_EQ(layout.str(), "register = [[0, 1], [0, 0]], lane = [[1, 0], [2, 1]], warp = [[0, 6]]");
  EXPECT_EQ(layout.withoutZeroBases(Axis::registers()).str(),
            "register = [[0, 1]], lane = [[1, 0], [2, 1]], warp = [[0, 6]]");
  EXPECT_EQ(layout.project({Axis::dim(0)}).str(), "register = [[0], [0]], lane = [[1], [2]], warp = [[0]]");
  EXPECT_EQ(layout.restrict({Axis::warp(), Axis::lane()}).str(), "warp = [[0, 6]], lane = [[1, 0], [2, 1]]");
  EXPECT_EQ(layout.withOutput(Space::ofShape({32})).str(), "register = [[1], [0]], lane = [[8], [17]], warp = [[6]]");
  EXPECT_EQ(layout.getDependentBits(Axis::registers()), 2u);
  EXPECT_EQ(layout.getDependentBits(Axis::warp()), 0u);
  EXPECT_EQ(layout.apply(1, 2, 1), uint64_t(1 ^ 17 ^ 6));
  EXPECT_EQ(LinearLayout::zeros(Axis::lane(), Axis::dim(0), 2).str(), "lane = [[0], [0]]");
  EXPECT_EQ(layout.getSize(Axis::offset()), 1);
  EXPECT_TRUE(layout.getBases(Axis::offset()).empty());
}

//===----------------------------------------------------------------------===//
// Blocked
//===----------------------------------------------------------------------===//

/// Checks every place of a blocked layout: registers, lanes and warps count through their blocks of each dimension.
void expectBlocked(llvm::ArrayRef<int64_t> shape, const Blocking &blocking) {
  LinearLayout layout = blockedLayout(shape, blocking);
  expectTileLayout(layout);
  EXPECT_EQ(getShape(layout), Shape(shape));
  EXPECT_EQ(layout.getSize(Axis::warp()), volume(blocking.warps));
  int64_t held = 1;
  for (unsigned dim = 0; dim < shape.size(); ++dim)
    held *= std::max<int64_t>(shape[dim] / (blocking.lanes[dim] * blocking.warps[dim]),
                              std::min(shape[dim], blocking.elements[dim]));
  EXPECT_EQ(layout.getSize(Axis::registers()), held) << layout.str();

  forEachPlace(layout, [&](uint64_t reg, uint64_t lane, uint64_t warp) {
    // Lanes and warps count through their grids, the first dimension of `order` fastest; so do the registers inside a
    // block. Only registers repeat.
    std::vector<uint64_t> actual = coordinatesOf(layout, reg, lane, warp);
    for (unsigned dim : blocking.order) {
      uint64_t size = shape[dim], elements = std::min<uint64_t>(blocking.elements[dim], size);
      uint64_t lanes = std::min<uint64_t>(blocking.lanes[dim], size / elements);
      uint64_t warps = std::min<uint64_t>(blocking.warps[dim], size / elements / lanes);
      uint64_t expected = reg % elements + lane % blocking.lanes[dim] % lanes * elements +
                          warp % blocking.warps[dim] % warps * elements * lanes;
      EXPECT_EQ(actual[dim] % (elements * lanes * warps), expected) << layout.str();
      reg /= elements;
      lane /= blocking.lanes[dim];
      warp /= blocking.warps[dim];
    }
  });
}

TEST(Layouts, Blocked) {
  expectBlocked({256}, {{8}, {32}, {1}, {0}});
  expectBlocked({4096}, {{4}, {32}, {4}, {0}});
  expectBlocked({16}, {{2}, {32}, {2}, {0}});
  expectBlocked({1}, {{4}, {32}, {4}, {0}});
  expectBlocked({32, 64}, {{1, 4}, {2, 16}, {2, 1}, {1, 0}});
  expectBlocked({64, 32}, {{2, 1}, {8, 4}, {1, 4}, {0, 1}});
  expectBlocked({4, 8}, {{1, 4}, {4, 8}, {2, 2}, {1, 0}});
  expectBlocked({2, 16, 8}, {{1, 1, 2}, {2, 4, 4}, {1, 2, 1}, {2, 1, 0}});
  expectBlocked({8, 2, 16}, {{2, 1, 1}, {1, 2, 16}, {2, 1, 2}, {0, 2, 1}});
}

//===----------------------------------------------------------------------===//
// Tensor cores
//===----------------------------------------------------------------------===//

/// Row and column of element `i` that `lane` holds, from the fragment tables of the PTX ISA.
using Fragment = std::pair<uint64_t, uint64_t> (*)(uint64_t lane, uint64_t i);

std::pair<uint64_t, uint64_t> resultFragment(uint64_t lane, uint64_t i) {
  return {lane / 4 + (i < 2 ? 0 : 8), lane % 4 * 2 + i % 2};
}
// .f16 and .bf16, m16n8k16
std::pair<uint64_t, uint64_t> half16A(uint64_t lane, uint64_t i) {
  return {(i < 2 || (i >= 4 && i < 6)) ? lane / 4 : lane / 4 + 8, lane % 4 * 2 + i % 2 + (i >= 4 ? 8 : 0)};
}
std::pair<uint64_t, uint64_t> half16B(uint64_t lane, uint64_t i) {
  return {lane % 4 * 2 + i % 2 + (i >= 2 ? 8 : 0), lane / 4};
}
// .tf32, m16n8k8
std::pair<uint64_t, uint64_t> tf32A(uint64_t lane, uint64_t i) {
  return {i == 0 || i == 2 ? lane / 4 : lane / 4 + 8, i < 2 ? lane % 4 : lane % 4 + 4};
}
std::pair<uint64_t, uint64_t> tf32B(uint64_t lane, uint64_t i) { return {i == 0 ? lane % 4 : lane % 4 + 4, lane / 4}; }
// .s8 and fp8, m16n8k32
std::pair<uint64_t, uint64_t> byteA(uint64_t lane, uint64_t i) {
  return {i < 4 || (i >= 8 && i < 12) ? lane / 4 : lane / 4 + 8, lane % 4 * 4 + i % 4 + (i >= 8 ? 16 : 0)};
}
std::pair<uint64_t, uint64_t> byteB(uint64_t lane, uint64_t i) {
  return {lane % 4 * 4 + i % 4 + (i >= 4 ? 16 : 0), lane / 4};
}

void expectFragment(const LinearLayout &layout, Fragment fragment) {
  expectTileLayout(layout);
  forEachPlace(layout, [&](uint64_t reg, uint64_t lane, uint64_t warp) {
    auto [row, column] = fragment(lane, reg);
    EXPECT_EQ(coordinatesOf(layout, reg, lane, warp), (std::vector<uint64_t>{row, column}))
        << reg << ' ' << lane << ' ' << layout.str();
  });
}

TEST(Layouts, MmaFragmentsAreThoseOfThePtxIsa) {
  expectFragment(mmaResultLayout({16, 8}, {1, 1}), resultFragment);
  expectFragment(mmaOperandLayout(0, {16, 16}, {1, 1}, 16), half16A);
  expectFragment(mmaOperandLayout(1, {16, 8}, {1, 1}, 16), half16B);
  expectFragment(mmaOperandLayout(0, {16, 8}, {1, 1}, 32), tf32A);
  expectFragment(mmaOperandLayout(1, {8, 8}, {1, 1}, 32), tf32B);
  expectFragment(mmaOperandLayout(0, {16, 32}, {1, 1}, 8), byteA);
  expectFragment(mmaOperandLayout(1, {32, 8}, {1, 1}, 8), byteB);
}

TEST(Layouts, MmaWarpsHaveTheirTiles) {
  // 4 x 2 warps of 16 x 8 results; what is beyond them repeats in registers.
  LinearLayout result = mmaResultLayout({128, 32}, {4, 2});
  LinearLayout a = mmaOperandLayout(0, {128, 32}, {4, 2}, 16), b = mmaOperandLayout(1, {32, 32}, {4, 2}, 16);
  for (const LinearLayout &layout : {result, a, b})
    expectTileLayout(layout);
  for (uint64_t warp = 0; warp < 8; ++warp) {
    std::set<uint64_t> rows, columns, rowsOfA, columnsOfB;
    for (uint64_t lane = 0; lane < 32; ++lane) {
      for (int64_t reg = 0; reg < result.getSize(Axis::registers()); ++reg) {
        rows.insert(coordinatesOf(result, reg, lane, warp)[0]);
        columns.insert(coordinatesOf(result, reg, lane, warp)[1]);
      }
      for (int64_t reg = 0; reg < a.getSize(Axis::registers()); ++reg)
        rowsOfA.insert(coordinatesOf(a, reg, lane, warp)[0]);
      for (int64_t reg = 0; reg < b.getSize(Axis::registers()); ++reg)
        columnsOfB.insert(coordinatesOf(b, reg, lane, warp)[1]);
    }
    // A warp has the rows and columns of the operands that its results need.
    EXPECT_EQ(rows, rowsOfA);
    EXPECT_EQ(columns, columnsOfB);
    EXPECT_EQ(*rows.begin(), warp % 4 * 16);
    EXPECT_EQ(*columns.begin(), warp / 4 * 8);
    EXPECT_EQ(rows.size(), 32u);
    EXPECT_EQ(columns.size(), 16u);
  }
}

TEST(Layouts, MmaReplicatesWhatIsShort) {
  for (const LinearLayout &layout : {mmaResultLayout({4, 4}, {1, 4}), mmaOperandLayout(0, {8, 16}, {2, 2}, 16),
                                     mmaOperandLayout(1, {8, 4}, {2, 2}, 16), mmaOperandLayout(0, {1, 64}, {1, 1}, 8)})
    expectTileLayout(layout);
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

TEST(Layouts, SharedLayoutsAreBijective) {
  for (Shape shape : {Shape{32, 64}, Shape{64, 8}, Shape{4, 2, 32}, Shape{128}})
    for (int64_t vector : {1, 4, 8})
      for (int64_t perPhase : {1, 2, 4})
        for (int64_t phases : {1, 2, 4, 8})
          for (bool reversed : {false, true}) {
            llvm::SmallVector<unsigned> order = llvm::to_vector(llvm::seq<unsigned>(shape.size()));
            if (reversed)
              std::reverse(order.begin(), order.end());
            if (phases > 1 && phases * vector > shape[order[0]])
              continue;
            LinearLayout layout = sharedLayout(shape, order, vector, perPhase, phases);
            EXPECT_TRUE(layout.isInjective() && layout.isSurjective());
            // A row stays in its place; inside, whole pieces change theirs as the phase says.
            uint64_t row = shape[order[0]];
            for (uint64_t offset = 0; offset < uint64_t(volume(shape)); ++offset) {
              uint64_t phase = offset / row / perPhase % phases;
              uint64_t expected = (offset % row) ^ (phase * vector);
              EXPECT_EQ(layout.apply(offset, Axis::dim(order[0])), expected);
            }
          }
}

/// The most different words of a bank that one phase of an access meets, where lane l accesses `bytes` bytes at
/// `offset(l)`: a phase moves at most 128 bytes.
template <typename Offset>
unsigned worstBank(unsigned bytes, Offset offset) {
  unsigned lanes = std::min(32u, 128 / bytes), worst = 0;
  for (unsigned first = 0; first < 32; first += lanes) {
    std::map<unsigned, std::set<unsigned>> words;
    for (unsigned lane = first; lane < first + lanes; ++lane)
      for (unsigned byte = 0; byte < bytes; ++byte)
        words[(offset(lane) + byte) / 4 % 32].insert((offset(lane) + byte) / 4);
    for (const auto &[bank, different] : words)
      worst = std::max(worst, unsigned(different.size()));
  }
  return worst;
}

TEST(Layouts, SwizzleServesRowsAndColumns) {
  // 64 x 64 halves: rows of 128 bytes, in pieces of 16.
  LinearLayout plain = sharedLayout({64, 64}, {1, 0}).invert();
  LinearLayout swizzled = sharedLayout({64, 64}, {1, 0}, 8, 1, 8).invert();
  auto at = [](const LinearLayout &layout, unsigned row, unsigned column) {
    return unsigned(layout.apply(row * 64 + column)) * 2;
  };
  // Eight rows at one column, as a matrix of ldmatrix is read.
  auto rows = [&](const LinearLayout &layout) {
    return worstBank(16, [&](unsigned lane) { return at(layout, lane % 8, lane / 8 * 8); });
  };
  EXPECT_EQ(rows(plain), 8u);
  EXPECT_EQ(rows(swizzled), 1u);
  // Along a row.
  auto columns = [&](const LinearLayout &layout) {
    return worstBank(16, [&](unsigned lane) { return at(layout, lane / 8, lane % 8 * 8); });
  };
  EXPECT_EQ(columns(plain), 1u);
  EXPECT_EQ(columns(swizzled), 1u);

  // 32 x 32 floats, one element at a time: a transposition.
  LinearLayout transposed = sharedLayout({32, 32}, {1, 0}, 1, 1, 32).invert();
  EXPECT_EQ(worstBank(4, [&](unsigned lane) { return unsigned(transposed.apply(lane * 32 + 5)) * 4; }), 1u);
  EXPECT_EQ(worstBank(4, [&](unsigned lane) { return unsigned(transposed.apply(5 * 32 + lane)) * 4; }), 1u);

  // Rows of 32 bytes: four of them fill the banks, so the phase changes every fourth row.
  LinearLayout narrow = sharedLayout({64, 16}, {1, 0}, 8, 4, 2).invert();
  EXPECT_EQ(worstBank(16, [&](unsigned lane) { return unsigned(narrow.apply(lane % 8 * 16)) * 2; }), 1u);
}

//===----------------------------------------------------------------------===//
// Layouts that follow from others
//===----------------------------------------------------------------------===//

llvm::SmallVector<LinearLayout> examples() {
  return {blockedLayout({32, 64}, {{1, 4}, {2, 16}, {2, 2}, {1, 0}}),
          blockedLayout({4, 8}, {{1, 4}, {4, 8}, {2, 2}, {1, 0}}),
          blockedLayout({64, 16}, {{2, 2}, {8, 4}, {1, 4}, {0, 1}}),
          mmaResultLayout({64, 32}, {2, 2}),
          mmaOperandLayout(0, {32, 64}, {2, 2}, 16),
          mmaOperandLayout(1, {32, 64}, {2, 2}, 16)};
}

/// The elements that a thread holds, each by its row-major number.
std::set<uint64_t> heldBy(const LinearLayout &layout, uint64_t lane, uint64_t warp) {
  std::set<uint64_t> elements;
  for (int64_t reg : llvm::seq<int64_t>(layout.getSize(Axis::registers())))
    elements.insert(layout.apply(reg, lane, warp));
  return elements;
}

template <typename Function>
void expectSameHolders(const LinearLayout &from, const LinearLayout &to, Function imageOf) {
  expectTileLayout(to);
  for (int64_t warp : llvm::seq<int64_t>(from.getSize(Axis::warp())))
    for (int64_t lane : llvm::seq<int64_t>(32)) {
      std::set<uint64_t> expected;
      for (uint64_t element : heldBy(from, lane, warp))
        expected.insert(imageOf(element));
      EXPECT_EQ(heldBy(to, lane, warp), expected) << from.str() << "\n" << to.str();
    }
}

TEST(Layouts, SliceHoldsARowWhereAnyElementOfItIs) {
  for (const LinearLayout &layout : examples()) {
    uint64_t columns = getShape(layout)[1];
    expectSameHolders(layout, sliceLayout(layout, 1), [&](uint64_t element) { return element / columns; });
    expectSameHolders(layout, sliceLayout(layout, 0), [&](uint64_t element) { return element % columns; });
  }
  EXPECT_EQ(getShape(sliceLayout(examples()[0], 0)), Shape{64});
}

TEST(Layouts, BroadcastSourceHoldsWhatTheResultRepeats) {
  for (const LinearLayout &layout : examples()) {
    Shape shape = getShape(layout);
    uint64_t columns = shape[1];
    expectSameHolders(layout, broadcastSourceLayout(layout, {shape[0], 1}),
                      [&](uint64_t element) { return element / columns; });
    expectSameHolders(layout, broadcastSourceLayout(layout, {1, shape[1]}),
                      [&](uint64_t element) { return element % columns; });
    expectSameHolders(layout, broadcastSourceLayout(layout, shape), [](uint64_t element) { return element; });
  }
}

TEST(Layouts, TransposeAndReshapeRenameElements) {
  for (const LinearLayout &layout : examples()) {
    Shape shape = getShape(layout);
    LinearLayout transposed = transposeLayout(layout, {1, 0});
    EXPECT_EQ(getShape(transposed), (Shape{shape[1], shape[0]}));
    expectSameHolders(layout, transposed,
                      [&](uint64_t element) { return element % shape[1] * shape[0] + element / shape[1]; });
    EXPECT_EQ(transposeLayout(transposed, {1, 0}), layout);
    LinearLayout reshaped = reshapeLayout(layout, {shape[0] / 2, 2, shape[1]});
    EXPECT_EQ(getShape(reshaped), (Shape{shape[0] / 2, 2, shape[1]}));
    expectSameHolders(layout, reshaped, [](uint64_t element) { return element; });
  }
  // Three dimensions, none of which stays: result[i, j, k] = source[k, i, j].
  LinearLayout layout = blockedLayout({2, 16, 8}, {{1, 1, 2}, {2, 4, 4}, {1, 2, 1}, {2, 1, 0}});
  expectSameHolders(layout, transposeLayout(layout, {1, 2, 0}), [](uint64_t element) {
    uint64_t k = element / 128, i = element / 8 % 16, j = element % 8;
    return (i * 8 + j) * 2 + k;
  });
}

} // namespace
