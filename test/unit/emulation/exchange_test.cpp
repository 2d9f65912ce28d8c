//===- exchange_test.cpp - Exchanges between threads, carried out ---------------------------------------===//
//
// Conversions, reductions and scans in many layouts go through allocation, barriers and thread lowering; then all
// threads run, and the memory that they leave is compared with what the operation means. The combiner that is used is
// associative, but its operands must not change places.
//
//===----------------------------------------------------------------------===//

#include "emulation_test.h"

#include "kiln/Conversion/TileGPUToThreads/Passes.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/Passes.h"
#include "kiln/Dialect/TileGPU/Transforms/ScanLayout.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

using Shape = SmallVector<int64_t>;
using Memory = std::vector<uint8_t>;

int64_t volume(ArrayRef<int64_t> shape) {
  int64_t product = 1;
  for (int64_t size : shape)
    product *= size;
  return product;
}

std::string tensorType(ArrayRef<int64_t> shape, StringRef element, StringRef layout) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return (text + element + ", " + layout + ">").str();
}

/// The text of a kernel that loads and stores tiles, element i of a buffer being element i of the tile.
class KernelText {
public:
  explicit KernelText(int64_t warps) : warps(warps) {}

  /// A parameter, and the name of a tile of what it points to.
  void load(StringRef name, StringRef element, ArrayRef<int64_t> shape, const LinearLayout &layout) {
    std::string pointers = makePointers(name, element, shape, layout);
    body += "  %" + name.str() + " = tile.load " + pointers + " : " +
            tensorType(shape, "!tile.ptr<" + element.str() + ">", nameOf(layout)) + " -> " +
            tensorType(shape, element, nameOf(layout)) + "\n";
  }
  void store(StringRef name, StringRef tile, StringRef element, ArrayRef<int64_t> shape, const LinearLayout &layout) {
    std::string pointers = makePointers(name, element, shape, layout);
    body += "  tile.store " + pointers + ", " + tile.str() + " : " +
            tensorType(shape, "!tile.ptr<" + element.str() + ">", nameOf(layout)) + "\n";
  }
  void add(const std::string &line) { body += "  " + line + "\n"; }
  void addParameter(const std::string &parameter) { parameters += (parameters.empty() ? "" : ", ") + parameter; }

  std::string nameOf(const LinearLayout &layout) { return "#tile_gpu.layout<" + layout.str() + ">"; }

  std::string get() const {
    return "func.func @kernel(" + parameters + ") attributes {tile.kernel, tile.num_warps = " + std::to_string(warps) +
           " : i32} {\n" + body + "  return\n}\n";
  }

private:
  std::string makePointers(StringRef name, StringRef element, ArrayRef<int64_t> shape, const LinearLayout &layout) {
    std::string n = name.str(), pointer = "!tile.ptr<" + element.str() + ">";
    addParameter("%" + n + "_base: " + pointer);
    int64_t count = volume(shape);
    LinearLayout flat = reshapeLayout(layout, {count});
    std::string indices = tensorType({count}, "i32", nameOf(flat)), shaped = tensorType(shape, "i32", nameOf(layout)),
                pointers = tensorType(shape, pointer, nameOf(layout));
    add("%" + n + "_i = tile.arange 0 to " + std::to_string(count) + " : " + indices);
    add("%" + n + "_r = tile.reshape %" + n + "_i : " + indices + " -> " + shaped);
    add("%" + n + "_s = tile.splat %" + n + "_base : " + pointer + " -> " + pointers);
    add("%" + n + "_p = tile.addptr %" + n + "_s, %" + n + "_r : " + pointers + ", " + shaped);
    return "%" + n + "_p";
  }

  int64_t warps;
  std::string parameters, body;
};

class Exchange : public testing::Test {
protected:
  Exchange() {
    context.loadDialect<tile::TileDialect, TileGPUDialect, arith::ArithDialect, func::FuncDialect, scf::SCFDialect,
                        math::MathDialect>();
  }

  /// Compiles and runs a kernel whose parameters are pointers to `offsets` in the memory, and then `numbers`. Returns
  /// what went wrong.
  std::string run(const std::string &text, Memory &memory, ArrayRef<uint64_t> offsets,
                  ArrayRef<uint64_t> numbers = {}) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    if (!module)
      return "does not parse:\n" + text;
    PassManager passes(&context);
    passes.addPass(createAllocateShared());
    passes.addPass(createInsertBarriers());
    passes.addPass(createLowerToThreads());
    if (failed(passes.run(*module)))
      return "does not compile:\n" + text;
    SmallVector<uint64_t> arguments;
    for (uint64_t offset : offsets)
      arguments.push_back(uint64_t(memory.data()) + offset);
    llvm::append_range(arguments, numbers);
    std::string error = emulate(*module, arguments, {{memory.data(), memory.size()}});
    return error.empty() ? error : error + "\n" + text;
  }

  MLIRContext context;
};

class Random {
public:
  explicit Random(unsigned seed) : engine(seed) {}
  unsigned below(unsigned limit) { return std::uniform_int_distribution<unsigned>(0, limit - 1)(engine); }
  bool chance(unsigned percent) { return below(100) < percent; }
  uint64_t bits() { return std::uniform_int_distribution<uint64_t>()(engine); }

  /// Bits of the tile for lanes and warps in any order, some of their bits without effect, the rest for registers.
  LinearLayout layout(ArrayRef<int64_t> shape, unsigned warpBits, unsigned percentCopies) {
    Space space = Space::ofShape(shape);
    SmallVector<uint64_t> units;
    for (unsigned i = 0; i < space.getBits(); ++i)
      units.push_back(uint64_t(1) << i);
    std::shuffle(units.begin(), units.end(), engine);
    SmallVector<uint64_t> threads;
    for (unsigned i = 0; i < kLaneBits + warpBits; ++i)
      threads.push_back(units.empty() || chance(percentCopies) ? 0 : units.pop_back_val());
    SmallVector<uint64_t> bases(units);
    llvm::append_range(bases, threads);
    return LinearLayout(
        Space({{Axis::registers(), unsigned(units.size())}, {Axis::lane(), kLaneBits}, {Axis::warp(), warpBits}}),
        space, bases);
  }

private:
  std::mt19937 engine;
};

struct ElementType {
  const char *name;
  unsigned bytes;
};

TEST_F(Exchange, ConversionsKeepEveryElementInItsPlace) {
  Random random(1);
  const ElementType types[] = {{"i1", 1}, {"i8", 1}, {"f16", 2}, {"i32", 4}, {"f32", 4}, {"f64", 8}};
  for (int round = 0; round < 150; ++round) {
    unsigned warpBits = random.below(3);
    int64_t warps = int64_t(1) << warpBits;
    Shape shape = {int64_t(1) << random.below(6), int64_t(1) << random.below(6)};
    ElementType type = types[random.below(std::size(types))];
    LinearLayout from = random.layout(shape, warpBits, random.below(40)),
                 to = random.layout(shape, warpBits, random.below(40));
    if (random.chance(30)) {
      shape = {64, 32};
      from = blockedLayout(shape, {{1, 8}, {8, 4}, {warps, 1}, {1, 0}});
      if (random.chance(50))
        from = transposeLayout(blockedLayout({32, 64}, {{1, 8}, {4, 8}, {1, warps}, {1, 0}}), {1, 0});
      to = mmaOperandLayout(random.below(2), shape, {1, warps}, type.bytes == 1 ? 8 : type.bytes == 2 ? 16 : 32);
    }
    // Twice, so that the bytes are used again.
    KernelText kernel(warps);
    kernel.load("x", type.name, shape, from);
    std::string source = tensorType(shape, type.name, kernel.nameOf(from)),
                result = tensorType(shape, type.name, kernel.nameOf(to));
    kernel.add("%y = tile_gpu.convert_layout %x : " + source + " -> " + result);
    kernel.add("%z = tile_gpu.convert_layout %y : " + result + " -> " + source);
    kernel.add("%w = tile_gpu.convert_layout %z : " + source + " -> " + result);
    kernel.store("out", "%w", type.name, shape, to);

    int64_t bytes = volume(shape) * type.bytes;
    Memory memory(2 * bytes);
    for (int64_t i = 0; i < bytes; ++i)
      memory[i] = type.name == StringRef("i1") ? random.below(2) : random.below(256);
    std::vector<uint8_t> expected(memory.begin(), memory.begin() + bytes);
    ASSERT_EQ(run(kernel.get(), memory, {0, uint64_t(bytes)}), "");
    ASSERT_EQ(std::vector<uint8_t>(memory.begin() + bytes, memory.end()), expected) << kernel.get();
  }
}

/// x -> a x + b modulo 2^32: composition is associative, but does not commute.
struct Affine {
  uint32_t a, b;
  /// `first`, then `second`.
  static Affine then(const Affine &first, const Affine &second) {
    return {first.a * second.a, first.b * second.a + second.b};
  }
  bool operator==(const Affine &) const = default;
};

constexpr const char *kAffineCombiner = R"( {
  ^bb0(%a0: i32, %b0: i32, %a1: i32, %b1: i32):
    %a = arith.muli %a0, %a1 : i32
    %m = arith.muli %b0, %a1 : i32
    %b = arith.addi %m, %b1 : i32
    tile.yield %a, %b : i32, i32
  })";

/// Reads and writes arrays of 32-bit numbers.
void put(Memory &memory, uint64_t address, ArrayRef<uint32_t> numbers) {
  memcpy(memory.data() + address, numbers.data(), numbers.size() * 4);
}
uint32_t getNumber(const Memory &memory, uint64_t address) {
  uint32_t number;
  memcpy(&number, memory.data() + address, 4);
  return number;
}

std::vector<uint32_t> makeNumbers(Random &random, int64_t count) {
  std::vector<uint32_t> numbers;
  for (int64_t i = 0; i < count; ++i)
    numbers.push_back(random.bits());
  return numbers;
}

TEST_F(Exchange, ReductionsKeepTheOrderOfTheirOperands) {
  Random random(2);
  for (int round = 0; round < 120; ++round) {
    unsigned warpBits = random.below(4);
    int64_t warps = int64_t(1) << warpBits;
    Shape shape = {int64_t(1) << random.below(6), int64_t(1) << random.below(6)};
    unsigned axis = random.below(2);
    LinearLayout from = random.layout(shape, warpBits, random.below(40)), to = sliceLayout(from, axis);
    Shape kept = {shape[1 - axis]};
    KernelText kernel(warps);
    std::string source = tensorType(shape, "i32", kernel.nameOf(from)),
                result = tensorType(kept, "i32", kernel.nameOf(to));
    kernel.load("xa", "i32", shape, from);
    kernel.load("xb", "i32", shape, from);
    kernel.add("%r:2 = tile.reduce %xa, %xb axis " + std::to_string(axis) + " : (" + source + ", " + source + ") -> (" +
               result + ", " + result + ")" + kAffineCombiner);
    kernel.add("%s = tile.reduce %xa axis " + std::to_string(axis) + " : (" + source + ") -> " + result +
               " {\n^bb0(%u: i32, %v: i32):\n  %t = arith.addi %u, %v : i32\n  tile.yield %t : i32\n}");
    kernel.store("ya", "%r#0", "i32", kept, to);
    kernel.store("yb", "%r#1", "i32", kept, to);
    kernel.store("ys", "%s", "i32", kept, to);

    uint64_t count = volume(shape), rows = kept[0];
    std::vector<uint32_t> a = makeNumbers(random, count), b = makeNumbers(random, count);
    Memory memory(8 * count + 12 * rows);
    put(memory, 0, a);
    put(memory, 4 * count, b);
    uint64_t out = 8 * count;
    ASSERT_EQ(run(kernel.get(), memory, {0, 4 * count, out, out + 4 * rows, out + 8 * rows}), "");
    for (uint64_t row = 0; row < rows; ++row) {
      Affine expected{1, 0};
      uint32_t sum = 0;
      for (int64_t k = 0; k < shape[axis]; ++k) {
        uint64_t element = axis == 0 ? k * shape[1] + row : row * shape[1] + k;
        expected = Affine::then(expected, {a[element], b[element]});
        sum += a[element];
      }
      Affine actual{getNumber(memory, out + 4 * row), getNumber(memory, out + 4 * rows + 4 * row)};
      ASSERT_EQ(actual, expected) << row << "\n" << kernel.get();
      ASSERT_EQ(getNumber(memory, out + 8 * rows + 4 * row), sum) << row << "\n" << kernel.get();
    }
  }
}

TEST_F(Exchange, ScansKeepTheOrderOfTheirOperands) {
  Random random(3);
  for (int round = 0; round < 120; ++round) {
    int64_t warps = int64_t(1) << random.below(4);
    Shape shape = {int64_t(1) << random.below(6), int64_t(1) << random.below(7)};
    unsigned axis = random.below(2);
    bool isReverse = random.chance(50);
    LinearLayout layout = getScanLayout(shape, axis, warps);
    KernelText kernel(warps);
    std::string type = tensorType(shape, "i32", kernel.nameOf(layout));
    kernel.load("xa", "i32", shape, layout);
    kernel.load("xb", "i32", shape, layout);
    kernel.add("%r:2 = tile.scan %xa, %xb axis " + std::to_string(axis) + (isReverse ? " reverse" : "") + " : (" +
               type + ", " + type + ") -> (" + type + ", " + type + ")" + kAffineCombiner);
    kernel.store("ya", "%r#0", "i32", shape, layout);
    kernel.store("yb", "%r#1", "i32", shape, layout);

    uint64_t count = volume(shape);
    std::vector<uint32_t> a = makeNumbers(random, count), b = makeNumbers(random, count);
    Memory memory(16 * count);
    put(memory, 0, a);
    put(memory, 4 * count, b);
    ASSERT_EQ(run(kernel.get(), memory, {0, 4 * count, 8 * count, 12 * count}), "");
    int64_t length = shape[axis], stride = axis == 0 ? shape[1] : 1;
    for (uint64_t element = 0; element < count; ++element) {
      int64_t position = element / stride % length;
      uint64_t start = element - position * stride;
      Affine expected{1, 0};
      for (int64_t k = 0; k < length; ++k) {
        int64_t at = isReverse ? length - 1 - k : k;
        if (isReverse ? at >= position : at <= position)
          expected = Affine::then(expected, {a[start + at * stride], b[start + at * stride]});
      }
      Affine actual{getNumber(memory, 8 * count + 4 * element), getNumber(memory, 12 * count + 4 * element)};
      ASSERT_EQ(actual, expected) << element << "\n" << kernel.get();
    }
  }
}

TEST_F(Exchange, ElementsOfEveryWidthAreReducedAndScanned) {
  // Exclusive-or shows every element that is missing or counted twice, whatever its width.
  Random random(5);
  const ElementType types[] = {{"i1", 1}, {"i8", 1}, {"i16", 2}, {"i32", 4}, {"i64", 8}};
  for (const ElementType &type : types) {
    for (int64_t warps : {1, 2, 8}) {
      std::string element = type.name;
      Shape shape = {512};
      LinearLayout from = random.layout(shape, llvm::Log2_64(warps), 20), scanned = getScanLayout(shape, 0, warps);
      std::string combiner = " {\n^bb0(%u: " + element + ", %v: " + element +
                             "):\n  %t = arith.xori %u, %v : " + element + "\n  tile.yield %t : " + element + "\n}";
      KernelText kernel(warps);
      std::string source = tensorType(shape, element, kernel.nameOf(from)),
                  scannedType = tensorType(shape, element, kernel.nameOf(scanned));
      kernel.load("x", element, shape, from);
      kernel.addParameter("%sum: !tile.ptr<" + element + ">");
      kernel.add("%r = tile.reduce %x axis 0 : (" + source + ") -> " + element + combiner);
      kernel.add("tile.store %sum, %r : !tile.ptr<" + element + ">");
      kernel.load("y", element, shape, scanned);
      kernel.add("%s = tile.scan %y axis 0 : (" + scannedType + ") -> " + scannedType + combiner);
      kernel.store("z", "%s", element, shape, scanned);

      uint64_t bytes = 512 * type.bytes;
      Memory memory(2 * bytes + type.bytes);
      for (uint64_t i = 0; i < bytes; ++i)
        memory[i] = random.below(element == "i1" ? 2 : 256);
      ASSERT_EQ(run(kernel.get(), memory, {0, 2 * bytes, 0, bytes}), "");
      std::vector<uint8_t> sum(type.bytes);
      for (uint64_t i = 0; i < 512; ++i) {
        for (unsigned byte = 0; byte < type.bytes; ++byte) {
          sum[byte] ^= memory[i * type.bytes + byte];
          ASSERT_EQ(memory[bytes + i * type.bytes + byte], sum[byte]) << i << "\n" << kernel.get();
        }
      }
      ASSERT_EQ(std::vector<uint8_t>(memory.begin() + 2 * bytes, memory.end()), sum) << kernel.get();
    }
  }
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

/// Random sequences of accesses and exchanges in loops and branches. What they compute does not matter: the emulator
/// finds every access that another thread could overtake.
class ProgramText {
public:
  explicit ProgramText(Random &random) : random(random) {}

  std::string get() {
    text =
        R"(func.func @kernel(%p: !tile.ptr<i32>, %q: !tile.ptr<i32>, %n: i32, %c: i1) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
)";
    for (const char *layout : kLayouts) {
      std::string l = layout, i32 = type("i32", layout), pointers = type("!tile.ptr<i32>", layout);
      text += "  %i_" + l + " = tile.arange 0 to 64 : " + i32 + "\n";
      for (std::string base : {"p", "q"}) {
        text += "  %s_" + base + l + " = tile.splat %" + base + " : !tile.ptr<i32> -> " + pointers + "\n";
        text +=
            "  %t_" + base + l + " = tile.addptr %s_" + base + l + ", %i_" + l + " : " + pointers + ", " + i32 + "\n";
      }
    }
    addStatements(8, 2);
    return aliases() + text + "  return\n}\n";
  }

private:
  static constexpr const char *kLayouts[] = {"a", "b", "c"};

  static std::string aliases() {
    return "#a = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32]]>\n"
           "#b = #tile_gpu.layout<register = [], lane = [[32], [2], [4], [8], [16]], warp = [[1]]>\n"
           "#c = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = [[0]]>\n";
  }
  static std::string type(StringRef element, StringRef layout) {
    return ("tensor<64x" + element + ", #" + layout + ">").str();
  }
  std::string fresh() { return "%v" + std::to_string(next++); }

  void addStatements(unsigned count, unsigned depth) {
    for (unsigned i = 0; i < count; ++i)
      addStatement(depth);
  }

  void addStatement(unsigned depth) {
    std::string layout = kLayouts[random.below(3)], other = kLayouts[random.below(3)],
                base = random.chance(50) ? "p" : "q";
    std::string tile = "%t_" + base + layout, i32 = type("i32", layout), pointers = type("!tile.ptr<i32>", layout);
    std::string name = fresh();
    switch (random.below(depth ? 9 : 7)) {
    case 0:
      text += name + " = tile.load " + tile + " : " + pointers + " -> " + i32 + "\n";
      break;
    case 1:
      text += "tile.store " + tile + ", %i_" + layout + " : " + pointers + "\n";
      break;
    case 2:
      text += name + " = tile_gpu.convert_layout %i_" + layout + " : " + i32 + " -> " + type("i32", other) + "\n";
      break;
    case 3:
      text += name + " = tile.reduce %i_" + layout + " axis 0 : (" + i32 +
              ") -> i32 {\n^bb0(%x: i32, %y: i32):\n%z = arith.maxsi %x, %y : i32\ntile.yield %z : i32\n}\n";
      break;
    case 4:
      text += name + " = tile.load %" + base + " : !tile.ptr<i32> -> i32\n";
      break;
    case 5:
      text += "tile.store %" + base + ", %n : !tile.ptr<i32>\n";
      break;
    case 6: {
      std::string old = fresh();
      text += old + " = tile.atomic_rmw add " + (random.chance(50) ? "relaxed" : "acq_rel") + " device %" + base +
              ", %n : !tile.ptr<i32> -> i32\n";
      text += name + " = arith.addi " + old + ", %n : i32\n";
      break;
    }
    case 7:
      text += "scf.for " + name + " = %c0 to %n step %c1 : i32 {\n";
      if (random.chance(50)) {
        // Other pointers in every iteration.
        std::string moved = fresh(), at = fresh();
        text += moved + " = tile.splat " + name + " : i32 -> " + i32 + "\n";
        text += at + " = tile.addptr " + tile + ", " + moved + " : " + pointers + ", " + i32 + "\n";
        text += fresh() + " = tile.load " + at + " : " + pointers + " -> " + i32 + "\n";
        text += "tile.store " + at + ", %i_" + layout + " : " + pointers + "\n";
      }
      addStatements(1 + random.below(4), depth - 1);
      text += "}\n";
      break;
    case 8:
      text += "scf.if %c {\n";
      addStatements(1 + random.below(3), depth - 1);
      text += "} else {\n";
      addStatements(random.below(3), depth - 1);
      text += "}\n";
      break;
    }
  }

  Random &random;
  std::string text;
  unsigned next = 0;
};

/// Which bits the sum of two NaNs has is unspecified, and on most processors depends on their order: threads that hold
/// the same element may differ in them.
TEST_F(Exchange, CopiesOfANaNMayDiffer) {
  const char *text = R"(
func.func @k(%in: !tile.ptr<f64> {tile.readonly}, %out: !tile.ptr<f64>) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %i = tile.arange 0 to 16 : tensor<16xi32>
  %width = arith.constant dense<16> : tensor<16xi32>
  %rows = arith.muli %i, %width : tensor<16xi32>
  %column = tile.expand_dims %rows axis 1 : tensor<16xi32> -> tensor<16x1xi32>
  %columns = tile.broadcast %column : tensor<16x1xi32> -> tensor<16x16xi32>
  %row = tile.expand_dims %i axis 0 : tensor<16xi32> -> tensor<1x16xi32>
  %indices = tile.broadcast %row : tensor<1x16xi32> -> tensor<16x16xi32>
  %offsets = arith.addi %columns, %indices : tensor<16x16xi32>
  %source = tile.splat %in : !tile.ptr<f64> -> tensor<16x16x!tile.ptr<f64>>
  %from = tile.addptr %source, %offsets : tensor<16x16x!tile.ptr<f64>>, tensor<16x16xi32>
  %x = tile.load %from : tensor<16x16x!tile.ptr<f64>> -> tensor<16x16xf64>
  %sums = tile.reduce %x axis 1 : (tensor<16x16xf64>) -> tensor<16xf64> {
  ^bb0(%a: f64, %b: f64):
    %sum = arith.addf %a, %b : f64
    tile.yield %sum : f64
  }
  %lying = tile.expand_dims %sums axis 0 : tensor<16xf64> -> tensor<1x16xf64>
  %all = tile.broadcast %lying : tensor<1x16xf64> -> tensor<16x16xf64>
  %target = tile.splat %out : !tile.ptr<f64> -> tensor<16x16x!tile.ptr<f64>>
  %to = tile.addptr %target, %offsets : tensor<16x16x!tile.ptr<f64>>, tensor<16x16xi32>
  tile.store %to, %all : tensor<16x16x!tile.ptr<f64>>
  return
}
)";
  EmulationTest test(text);
  EmulationTest::Buffers buffers(2, std::vector<uint8_t>(256 * 8));
  for (uint64_t i = 0; i < 256; ++i) {
    const uint64_t bits = ~i; // NaNs, all different
    std::memcpy(&buffers[0][8 * i], &bits, 8);
  }
  buffers = test.emulate(buffers);
  for (const double sum : llvm::ArrayRef(reinterpret_cast<const double *>(buffers[1].data()), 256))
    EXPECT_TRUE(std::isnan(sum));
}

TEST_F(Exchange, NoThreadOvertakesAnother) {
  Random random(4);
  for (int round = 0; round < 300; ++round) {
    std::string text = ProgramText(random).get();
    for (uint64_t condition : {0, 1}) {
      Memory memory(1024);
      // Once with two buffers that are one and the same.
      ASSERT_EQ(run(text, memory, {0, condition ? 0u : 512u}, {3, condition}), "");
    }
  }
}

} // namespace
