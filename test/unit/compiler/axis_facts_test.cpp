//===- axis_facts_test.cpp - The algebra of axis facts against brute force -------------------------------===//
//
// Random expressions are evaluated for random values of what the facts do not know; every fact must hold for every
// element. Narrow integers make sums wrap often.
//
//===----------------------------------------------------------------------===//

#include "kiln/Analysis/AxisFacts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

using namespace kiln::tile;

namespace {

constexpr int kSamples = 12;

using Shape = llvm::SmallVector<int64_t>;

int64_t wrap(int64_t value, unsigned width) {
  return width == 1 ? value & 1 : width == 64 ? value : llvm::SignExtend64(static_cast<uint64_t>(value), width);
}

uint64_t asUnsigned(int64_t value, unsigned width) {
  return static_cast<uint64_t>(value) & llvm::maskTrailingOnes<uint64_t>(width);
}

/// An expression: its facts, and its elements in row-major order for each sample of the unknowns.
struct Tile {
  Shape shape;
  AxisFacts facts;
  std::vector<std::vector<int64_t>> samples;
};

std::string print(const Tile &tile) {
  std::string text;
  llvm::raw_string_ostream os(text);
  tile.facts.print(os);
  for (const auto &sample : llvm::ArrayRef(tile.samples).take_front(2)) {
    os << "\n  ";
    llvm::interleaveComma(llvm::ArrayRef(sample).take_front(64), os);
  }
  return text;
}

/// Whether the facts hold for all samples. `width` is that in which elements wrap.
testing::AssertionResult holds(const Tile &tile, unsigned width) {
  auto fail = [&](llvm::StringRef what, unsigned axis) {
    return testing::AssertionFailure() << what.str() << " along axis " << axis << ": " << print(tile);
  };
  for (const std::vector<int64_t> &sample : tile.samples) {
    int64_t stride = sample.size();
    for (unsigned axis = 0; axis < tile.facts.getNumAxes(); ++axis) {
      const AxisFacts::Axis &known = tile.facts.getAxis(axis);
      int64_t size = tile.shape.empty() ? 1 : tile.shape[axis];
      if (known.size != size)
        return fail("wrong size", axis);
      stride /= size;
      for (auto [index, value] : llvm::enumerate(sample)) {
        int64_t position = static_cast<int64_t>(index) / stride % size;
        int64_t start = sample[index - position % known.contiguity * stride];
        if (position % known.contiguity == 0 && value % known.divisibility != 0)
          return fail("divisibility", axis);
        if (value != wrap(static_cast<int64_t>(static_cast<uint64_t>(start) +
                                               position % known.contiguity * tile.facts.getUnit()),
                          width))
          return fail("contiguity", axis);
        if (value != sample[index - position % known.constancy * stride])
          return fail("constancy", axis);
        if (tile.facts.getWidth() != 0 && (value < tile.facts.getMin() || value > tile.facts.getMax()))
          return fail("range", axis);
      }
    }
  }
  return testing::AssertionSuccess();
}

class Generator {
public:
  Generator(unsigned seed, Shape shape, unsigned width) : random(seed), shape(std::move(shape)), width(width) {}

  Tile make(int depth) {
    Tile result = depth == 0 ? leaf() : node(depth - 1);
    EXPECT_TRUE(holds(result, width));
    return result;
  }

  int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); }

private:
  int64_t count() const {
    int64_t elements = 1;
    for (int64_t size : shape)
      elements *= size;
    return elements;
  }

  Tile constant(int64_t value) {
    value = wrap(value, width);
    return {shape, facts::constant(shape, width, value), std::vector(kSamples, std::vector<int64_t>(count(), value))};
  }

  /// A scalar argument of which a divisor is known, and perhaps that it is not negative.
  Tile unknown() {
    int64_t divisor = int64_t(1) << pick(0, std::min(width - 1, 8u));
    AxisFacts scalar({}, width);
    scalar.setDivisibilityOfAll(divisor);
    bool nonNegative = pick(0, 1);
    if (nonNegative)
      scalar.setRange(0, INT64_MAX);
    Tile result{shape, facts::splat(scalar, shape), {}};
    for (int sample = 0; sample < kSamples; ++sample) {
      int64_t value = wrap(static_cast<int64_t>(random() * divisor), width);
      if (nonNegative && value < 0)
        value = value == llvm::minIntN(width) ? 0 : -value;
      result.samples.emplace_back(count(), value);
    }
    return result;
  }

  /// Consecutive integers along one axis, the same along the others.
  Tile arange() {
    unsigned axis = pick(0, shape.size() - 1);
    int64_t most = width == 64 ? INT64_MAX : llvm::maxIntN(width);
    int64_t start = pick(0, 1) ? 0 : pick(-most - 1, most - shape[axis] + 1);
    AxisFacts known = facts::arange(shape[axis], width, start);
    for (unsigned other = 0; other < shape.size(); ++other)
      if (other != axis)
        known = facts::expandDims(known, other);
    Tile result{shape, facts::broadcast(known, shape), {}};
    std::vector<int64_t> values;
    int64_t stride = 1;
    for (unsigned inner = axis + 1; inner < shape.size(); ++inner)
      stride *= shape[inner];
    for (int64_t index = 0; index < count(); ++index)
      values.push_back(start + index / stride % shape[axis]);
    result.samples.assign(kSamples, values);
    return result;
  }

  Tile leaf() {
    switch (pick(0, 3)) {
    case 0:
      return constant(pick(-20, 20));
    case 1:
      return unknown();
    default:
      return arange();
    }
  }

  template <typename Evaluate>
  Tile combine(AxisFacts facts, const Tile &lhs, const Tile &rhs, Evaluate evaluate) {
    Tile result{shape, std::move(facts), {}};
    for (auto [left, right] : llvm::zip(lhs.samples, rhs.samples)) {
      std::vector<int64_t> &values = result.samples.emplace_back();
      for (auto [x, y] : llvm::zip(left, right))
        values.push_back(wrap(evaluate(x, y), width));
    }
    return result;
  }

  /// A divisor, mostly a power of two.
  int64_t divisor() { return pick(0, 2) ? int64_t(1) << pick(0, std::min(width - 2, 6u)) : pick(1, 48); }

  Tile node(int depth) {
    Tile x = make(depth);
    bool isSigned = pick(0, 1);
    auto shift = [&] { return constant(pick(0, width - 1)); };
    auto u = [this](int64_t value) { return asUnsigned(value, width); };
    auto add = [](int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) + b); };
    auto sub = [](int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) - b); };
    auto mul = [](int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) * b); };
    switch (pick(0, 17)) {
    case 0:
    case 1: {
      Tile y = make(depth);
      return combine(facts::add(x.facts, y.facts), x, y, add);
    }
    case 2: {
      Tile y = make(depth);
      return combine(facts::sub(x.facts, y.facts), x, y, sub);
    }
    case 3: {
      Tile y = make(depth);
      return combine(facts::mul(x.facts, y.facts), x, y, mul);
    }
    case 4:
    case 5: {
      Tile y = constant(divisor());
      return combine(facts::div(x.facts, y.facts, isSigned), x, y,
                     [&](int64_t a, int64_t b) { return isSigned ? a / b : static_cast<int64_t>(u(a) / u(b)); });
    }
    case 6:
    case 7: {
      Tile y = constant(divisor());
      return combine(facts::rem(x.facts, y.facts, isSigned), x, y,
                     [&](int64_t a, int64_t b) { return isSigned ? a % b : static_cast<int64_t>(u(a) % u(b)); });
    }
    case 8: {
      Tile y = pick(0, 2) ? constant(pick(0, 1) ? divisor() - 1 : -divisor()) : make(depth);
      return combine(facts::bitAnd(x.facts, y.facts), x, y, [](int64_t a, int64_t b) { return a & b; });
    }
    case 9: {
      Tile y = make(depth);
      return combine(facts::bitOr(x.facts, y.facts), x, y, [](int64_t a, int64_t b) { return a | b; });
    }
    case 10: {
      Tile y = shift();
      return combine(facts::shiftLeft(x.facts, y.facts), x, y,
                     [](int64_t a, int64_t b) { return static_cast<int64_t>(static_cast<uint64_t>(a) << b); });
    }
    case 11: {
      Tile y = shift();
      return combine(facts::shiftRight(x.facts, y.facts, isSigned), x, y,
                     [&](int64_t a, int64_t b) { return isSigned ? a >> b : static_cast<int64_t>(u(a) >> b); });
    }
    case 12: {
      Tile y = make(depth);
      return combine(facts::minimum(x.facts, y.facts), x, y, [](int64_t a, int64_t b) { return std::min(a, b); });
    }
    case 13: {
      Tile y = make(depth);
      return combine(facts::maximum(x.facts, y.facts), x, y, [](int64_t a, int64_t b) { return std::max(a, b); });
    }
    case 14:
      return choose(depth, x);
    case 15:
      return joined(depth, x);
    case 16:
      return throughAnotherWidth(x, isSigned);
    default:
      return x.facts.getNumAxes() == 2 ? throughOtherShapes(x) : x;
    }
  }

  /// select(a < b, x, y), with each comparison.
  Tile choose(int depth, const Tile &x) {
    Tile a = make(depth), b = make(depth), y = make(depth);
    bool isSigned = pick(0, 1);
    auto key = [&](int64_t value) {
      return isSigned ? static_cast<uint64_t>(value) ^ (uint64_t(1) << 63) : asUnsigned(value, width);
    };
    int kind = pick(0, 2);
    AxisFacts known = kind == 0   ? facts::less(a.facts, b.facts, isSigned)
                      : kind == 1 ? facts::lessOrEqual(a.facts, b.facts, isSigned)
                                  : facts::equal(a.facts, b.facts);
    Tile condition = combine(known, a, b, [&](int64_t l, int64_t r) {
      return kind == 0 ? key(l) < key(r) : kind == 1 ? key(l) <= key(r) : l == r;
    });
    EXPECT_TRUE(holds(condition, 1));
    Tile result{shape, facts::select(condition.facts, x.facts, y.facts), {}};
    for (int sample = 0; sample < kSamples; ++sample) {
      std::vector<int64_t> &values = result.samples.emplace_back();
      for (int64_t index = 0; index < count(); ++index)
        values.push_back(condition.samples[sample][index] ? x.samples[sample][index] : y.samples[sample][index]);
    }
    return result;
  }

  /// Some samples of x and some of y.
  Tile joined(int depth, const Tile &x) {
    Tile y = make(depth);
    Tile result{shape, AxisFacts::join(x.facts, y.facts), x.samples};
    for (int sample = 0; sample < kSamples; sample += 2)
      result.samples[sample] = y.samples[sample];
    // A fixed point is one: joining again changes nothing.
    EXPECT_EQ(AxisFacts::join(result.facts, y.facts), result.facts) << print(result);
    EXPECT_EQ(AxisFacts::join(result.facts, x.facts), result.facts) << print(result);
    EXPECT_EQ(AxisFacts::join(AxisFacts(), x.facts), x.facts);
    EXPECT_EQ(AxisFacts::join(x.facts, AxisFacts()), x.facts);
    return result;
  }

  Tile throughAnotherWidth(const Tile &x, bool isSigned) {
    unsigned other = width == 64 ? 16 : width * 2;
    Tile between{shape, other > width ? facts::extend(x.facts, other, isSigned) : facts::truncate(x.facts, other), {}};
    auto convert = [&](std::vector<int64_t> sample, unsigned from, unsigned to) {
      for (int64_t &value : sample)
        value = wrap(isSigned || to < from ? value : static_cast<int64_t>(asUnsigned(value, from)), to);
      return sample;
    };
    for (const auto &sample : x.samples)
      between.samples.push_back(convert(sample, width, other));
    EXPECT_TRUE(holds(between, other));
    Tile result{shape,
                other > width ? facts::truncate(between.facts, width) : facts::extend(between.facts, width, isSigned),
                {}};
    for (const auto &sample : between.samples)
      result.samples.push_back(convert(sample, other, width));
    return result;
  }

  /// The elements read in other shapes; the last one is that of the expression.
  Tile throughOtherShapes(const Tile &x) {
    Shape swapped{shape[1], shape[0]};
    Tile trans{swapped, facts::trans(x.facts, {1, 0}), {}};
    for (const auto &sample : x.samples) {
      std::vector<int64_t> &values = trans.samples.emplace_back();
      for (int64_t column = 0; column < shape[1]; ++column)
        for (int64_t row = 0; row < shape[0]; ++row)
          values.push_back(sample[row * shape[1] + column]);
    }
    EXPECT_TRUE(holds(trans, width));
    Tile same = x;
    for (Shape next :
         {Shape{count()}, Shape{count() / 4, 4}, Shape{2, count() / 2}, Shape{2, 2, 1, count() / 4}, swapped, shape}) {
      same = {next, facts::reshape(same.facts, next), same.samples};
      EXPECT_TRUE(holds(same, width));
    }
    return same;
  }

  std::mt19937_64 random;
  Shape shape;
  unsigned width;
};

TEST(AxisFacts, HoldForRandomExpressions) {
  for (unsigned seed = 0; seed < 3000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    static const Shape kShapes[] = {{16}, {4, 8}, {64}, {2, 32}, {1, 16}, {256}};
    static const unsigned kWidths[] = {8, 16, 32, 64};
    Generator generator(seed, kShapes[seed % 6], kWidths[seed / 6 % 4]);
    if (seed % 6 == 5 && seed / 6 % 4 == 0)
      continue; // 256 consecutive integers do not fit i8
    generator.make(seed % 5);
  }
}

TEST(AxisFacts, HoldForPointers) {
  for (unsigned seed = 0; seed < 500 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Shape shape{4, 16};
    Generator generator(seed, shape, 64);
    Tile offset = generator.make(seed % 4);
    int64_t bytes = int64_t(1) << generator.pick(0, 3), divisor = int64_t(1) << generator.pick(0, 6);
    AxisFacts scalar({}, 0, bytes);
    scalar.setDivisibilityOfAll(divisor);
    Tile pointer{shape, facts::addPointer(facts::splat(scalar, shape), offset.facts), {}};
    for (const auto &sample : offset.samples) {
      uint64_t base = static_cast<uint64_t>(generator.pick(0, INT32_MAX)) * divisor;
      std::vector<int64_t> &addresses = pointer.samples.emplace_back();
      for (int64_t value : sample)
        addresses.push_back(static_cast<int64_t>(base + static_cast<uint64_t>(value) * bytes));
    }
    EXPECT_TRUE(holds(pointer, 64));
  }
}

TEST(AxisFacts, ElementsAreReadOneByOne) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    Shape shape{4, 8};
    std::vector<int64_t> values(32);
    int64_t step = random() % 3, group = int64_t(1) << random() % 4, scale = random() % 20;
    for (auto [index, value] : llvm::enumerate(values))
      value = static_cast<int64_t>(index) / group * scale + static_cast<int64_t>(index) % group * step;
    EXPECT_TRUE(holds({shape, facts::elements(shape, 32, values), {values}}, 32));
  }
}

TEST(AxisFacts, RunsLongerThanHalfOfAllIntegersWrap) {
  // 0, 1, ... 127, -128, ... -1: one run of i8, which divisions and wider types see as two.
  AxisFacts bytes = facts::truncate(facts::arange(256, 32, 0), 8);
  EXPECT_EQ(bytes.getContiguity(0), 256);
  EXPECT_EQ(facts::extend(bytes, 32, /*isSigned=*/true).getContiguity(0), 128);
  EXPECT_EQ(facts::shiftRight(bytes, facts::constant({256}, 8, 7), /*isSigned=*/true).getConstancy(0), 128);
}

TEST(AxisFacts, QuotientsOfAlignedRunsAreConstant) {
  // 64 * p + i, divided by a page of 16: what makes four reads of a block table out of 64.
  AxisFacts start = facts::splat(AxisFacts({}, 32).setDivisibilityOfAll(64).setRange(0, 1 << 20), {64});
  AxisFacts offset = facts::add(start, facts::arange(64, 32, 0));
  for (int64_t page : {1, 4, 16, 48, 64, 128}) {
    AxisFacts pages = facts::constant({64}, 32, page);
    int64_t run = page == 48 ? 16 : std::min<int64_t>(page, 64);
    EXPECT_EQ(facts::div(offset, pages, true).getConstancy(0), run) << page;
    EXPECT_EQ(facts::rem(offset, pages, true).getContiguity(0), page == 1 ? 1 : run) << page;
  }
}

} // namespace
