//===- dot_test.cpp - Matrix products of all types and shapes, thread by thread --------------------------===//
//
// The elements are small integers, so that every order of summation gives the same bits.
//
//===----------------------------------------------------------------------===//

#include "emulation_test.h"

#include "mlir/AsmParser/AsmParser.h"

#include <random>

using namespace kiln;

namespace {

struct Shape {
  int64_t m, n, k;
  int warps;
  bool isTransposed = false; ///< b is loaded as [N, K]
};

/// Loads of row-major tiles, and a dot of them.
std::string makeKernel(const Shape &shape, const std::string &type, const std::string &sum, const std::string &option) {
  std::string text;
  llvm::raw_string_ostream os(text);
  auto tile = [](int64_t rows, int64_t columns, const std::string &of) {
    return "tensor<" + std::to_string(rows) + "x" + std::to_string(columns) + "x" + of + ">";
  };
  auto pointers = [&](const std::string &name, int64_t rows, int64_t columns, const std::string &of) {
    std::string count = std::to_string(rows * columns), pointer = "!tile.ptr<" + of + ">";
    os << "  %" << name << "_flat = tile.arange 0 to " << count << " : tensor<" << count << "xi32>\n"
       << "  %" << name << "_index = tile.reshape %" << name << "_flat : tensor<" << count << "xi32> -> "
       << tile(rows, columns, "i32") << "\n"
       << "  %" << name << "_base = tile.splat %" << name << " : " << pointer << " -> " << tile(rows, columns, pointer)
       << "\n"
       << "  %" << name << "_ptr = tile.addptr %" << name << "_base, %" << name
       << "_index : " << tile(rows, columns, pointer) << ", " << tile(rows, columns, "i32") << "\n";
    return tile(rows, columns, pointer);
  };
  auto load = [&](const std::string &name, int64_t rows, int64_t columns, const std::string &of) {
    std::string from = pointers(name, rows, columns, of);
    os << "  %" << name << "_tile = tile.load %" << name << "_ptr : " << from << " -> " << tile(rows, columns, of)
       << "\n";
  };
  os << "func.func @k(%a: !tile.ptr<" << type << "> {tile.readonly, tile.divisibility = 16 : i64}, %b: !tile.ptr<"
     << type << "> {tile.readonly, tile.divisibility = 16 : i64}, %c: !tile.ptr<" << sum
     << "> {tile.readonly}, %d: !tile.ptr<" << sum << ">) attributes {tile.kernel, tile.num_warps = " << shape.warps
     << " : i32} {\n";
  load("a", shape.m, shape.k, type);
  std::string right = "%b_tile";
  if (shape.isTransposed) {
    load("b", shape.n, shape.k, type);
    right = "%b_t";
    os << "  %b_t = tile.trans %b_tile [1, 0] : " << tile(shape.n, shape.k, type) << " -> "
       << tile(shape.k, shape.n, type) << "\n";
  } else {
    load("b", shape.k, shape.n, type);
  }
  load("c", shape.m, shape.n, sum);
  os << "  %product = tile.dot %a_tile, " << right << ", %c_tile " << option << " : " << tile(shape.m, shape.k, type)
     << ", " << tile(shape.k, shape.n, type) << " -> " << tile(shape.m, shape.n, sum) << "\n";
  std::string to = pointers("d", shape.m, shape.n, sum);
  os << "  tile.store %d_ptr, %product : " << to << "\n  return\n}\n";
  return text;
}

/// `count` small integers in the format of `type`.
std::vector<uint8_t> makeNumbers(mlir::Type type, int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  interp::Format format = interp::getFormat(type);
  std::vector<uint8_t> bytes(count * format.bytes());
  for (int64_t i = 0; i < count; ++i) {
    int number = int(random() % 17) - 8;
    uint64_t bits = format.isFloat() ? interp::fromDouble(format, number) : interp::truncate(format, number);
    std::memcpy(&bytes[i * format.bytes()], &bits, format.bytes());
  }
  return bytes;
}

void check(const Shape &shape, const std::string &type, const std::string &sum, const std::string &option = "",
           const std::string &expected = "", unsigned capability = 90) {
  SCOPED_TRACE(testing::Message() << shape.m << "x" << shape.n << "x" << shape.k << " " << type << option << ", "
                                  << shape.warps << " warps" << (shape.isTransposed ? ", transposed" : ""));
  EmulationTest test(makeKernel(shape, type, sum, option), capability);
  ASSERT_TRUE(test.isLowered);
  if (!expected.empty())
    EXPECT_NE(test.print().find(expected), std::string::npos) << "no " << expected;
  else
    EXPECT_EQ(test.print().find("\"mma."), std::string::npos);
  mlir::Type element = mlir::parseType(type, &test.context), sums = mlir::parseType(sum, &test.context);
  EmulationTest::Buffers buffers = {makeNumbers(element, shape.m * shape.k, 1),
                                    makeNumbers(element, shape.k * shape.n, 2), makeNumbers(sums, shape.m * shape.n, 3),
                                    makeNumbers(sums, shape.m * shape.n, 4)};
  EXPECT_EQ(test.emulate(buffers)[3], test.interpret(buffers)[3]);
}

const Shape kSmall[] = {{1, 1, 1, 1},   {4, 8, 2, 1},          {1, 64, 16, 2},      {16, 16, 16, 4},
                        {8, 64, 32, 4}, {32, 8, 8, 1},         {2, 1, 64, 4},       {64, 32, 32, 4},
                        {4, 64, 64, 8}, {16, 32, 16, 1, true}, {4, 64, 32, 4, true}};

TEST(Dot, ExactF32) {
  for (const Shape &shape : kSmall)
    check(shape, "f32", "f32");
}

TEST(Dot, F64) {
  for (const Shape &shape : kSmall)
    check(shape, "f64", "f64");
}

// 48 KiB hold neither operand: K goes through shared memory in pieces.
TEST(Dot, Chunks) {
  check({64, 64, 128, 4}, "f32", "f32");
  check({64, 64, 128, 4, true}, "f32", "f32");
  check({128, 32, 128, 2}, "f64", "f64");
  check({1, 256, 64, 1}, "f32", "f32");
}

TEST(Dot, TooShortForTensorCores) {
  for (int64_t k : {1, 2, 4}) {
    check({16, 16, k, 2}, "f16", "f32");
    check({4, 32, k, 1, true}, "bf16", "f32");
    check({8, 16, 2 * k, 4}, "i8", "i32");
    check({8, 16, k / 2 ? k / 2 : 1, 4}, "f32", "f32", "tf32");
  }
}

const Shape kTensor[] = {{16, 8, 32, 1},  {1, 64, 128, 4},        {4, 64, 64, 4},        {16, 64, 128, 4, true},
                         {8, 128, 64, 4}, {64, 64, 32, 4},        {64, 64, 32, 8, true}, {2, 2, 32, 1},
                         {1, 1, 32, 2},   {128, 32, 32, 4, true}, {32, 16, 64, 2},       {16, 4, 32, 4}};

TEST(Dot, F16) {
  for (const Shape &shape : kTensor)
    check(shape, "f16", "f32", "", "mma.m16n8k16.f32.f16");
  check({16, 16, 8, 1}, "f16", "f32", "", "mma.m16n8k16.f32.f16");
}

TEST(Dot, BF16) {
  for (const Shape &shape : kTensor)
    check(shape, "bf16", "f32", "", "mma.m16n8k16.f32.bf16");
  check({4, 64, 8, 4, true}, "bf16", "f32", "", "mma.m16n8k16.f32.bf16");
}

// On tensor cores as f16, which holds all of their numbers.
TEST(Dot, Fp8) {
  for (const Shape &shape : kTensor)
    for (unsigned capability : {80, 90}) {
      check(shape, "f8E4M3FN", "f32", "", "mma.m16n8k16.f32.f16", capability);
      check(shape, "f8E5M2", "f32", "", "mma.m16n8k16.f32.f16", capability);
    }
}

TEST(Dot, TF32) {
  for (const Shape &shape : kTensor)
    check(shape, "f32", "f32", "tf32", "mma.m16n8k8.f32.tf32");
  check({16, 16, 4, 1}, "f32", "f32", "tf32", "mma.m16n8k4.f32.tf32");
}

TEST(Dot, Bytes) {
  for (const Shape &shape : kTensor)
    check(shape, "i8", "i32", "", "mma.m16n8k32.s32.s8");
  check({16, 16, 16, 1}, "i8", "i32", "", "mma.m16n8k16.s32.s8");
}

} // namespace
