// Loads, stores, masks, atomics, and the bounds callback.
#include "interpreter_test.h"

using namespace kiln::interp;
using Ints = std::vector<int32_t>;

namespace {

const std::string kLanes =
    "%i = tile.arange 0 to 4 : tensor<4xi32>\n%s = tile.splat %p : !tile.ptr<i32> -> tensor<4x!tile.ptr<i32>>\n"
    "%a = tile.addptr %s, %i : tensor<4x!tile.ptr<i32>>, tensor<4xi32>\n"
    "%so = tile.splat %out : !tile.ptr<i32> -> tensor<4x!tile.ptr<i32>>\n"
    "%o = tile.addptr %so, %i : tensor<4x!tile.ptr<i32>>, tensor<4xi32>\n"
    "%two = arith.constant dense<2> : tensor<4xi32>\n%m = arith.cmpi slt, %i, %two : tensor<4xi32>\n";

std::string kernel(const std::string &body) {
  return "func.func @k(%p: !tile.ptr<i32>, %out: !tile.ptr<i32>) attributes {tile.kernel} {\n" + kLanes + body +
         "\nreturn\n}";
}

TEST(Memory, MaskedLanesTouchNothing) {
  TestProgram program(kernel("%c = arith.constant dense<-7> : tensor<4xi32>\n"
                             "%v = tile.load %a mask %m other %c : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>\n"
                             "tile.store %o, %v : tensor<4x!tile.ptr<i32>>"));
  // Only two elements exist; the callback would report any touch of a third.
  Ints in = {10, 20}, out(4);
  size_t loads = 0, stores = 0;
  auto allow = [&](const void *address, size_t size, llvm::StringRef access) {
    bool isStore = access == "store";
    (isStore ? stores : loads) += 1;
    const void *begin = isStore ? (const void *)out.data() : in.data();
    const void *end = isStore ? (const void *)(out.data() + 4) : in.data() + 2;
    return address >= begin && (const char *)address + size <= end;
  };
  Options options;
  options.allowAccess = allow;
  EXPECT_EQ(program.run({1, 1, 1}, options, in.data(), out.data()), "");
  EXPECT_EQ(out, (Ints{10, 20, -7, -7}));
  EXPECT_EQ(loads, 2u);
  EXPECT_EQ(stores, 4u);
}

TEST(Memory, OtherDefaultsToZeroAndMaskedStoresKeepMemory) {
  TestProgram program(
      kernel("%v = tile.load %a mask %m : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>\n"
             "tile.store %o, %v : tensor<4x!tile.ptr<i32>>\ntile.store %a, %two mask %m : tensor<4x!tile.ptr<i32>>"));
  Ints in = {10, 20, 30, 40}, out(4, -1);
  EXPECT_EQ(program.run(in.data(), out.data()), "");
  EXPECT_EQ(out, (Ints{10, 20, 0, 0}));
  EXPECT_EQ(in, (Ints{2, 2, 30, 40}));
}

TEST(Memory, RefusedAccessNamesPlaceAndProgram) {
  TestProgram program("func.func @k(%p: !tile.ptr<i32>) attributes {tile.kernel} {\n"
                      "  %v = tile.load %p : !tile.ptr<i32> -> i32 loc(\"decode.cpp\":12:5)\n"
                      "  return\n}");
  Options options;
  auto refuse = [](const void *, size_t, llvm::StringRef) { return false; };
  options.allowAccess = refuse;
  std::string error = program.run({1, 1, 1}, options, uint64_t(0x1000));
  EXPECT_EQ(error,
            "decode.cpp:12:5: error: load of 4 bytes at 0x1000, outside every registered buffer (program (0, 0, 0))");
}

TEST(Memory, MisalignedAccessIsAnError) {
  TestProgram program("func.func @k(%p: !tile.ptr<i64>, %v: i64) attributes {tile.kernel} {\ntile.store %p, %v : "
                      "!tile.ptr<i64>\nreturn\n}");
  alignas(8) char memory[16];
  EXPECT_NE(program.run((void *)(memory + 4), int64_t(1))
                .find("test.mlir:2:1: error: store of 8 bytes at misaligned address"),
            std::string::npos);
}

TEST(Memory, AddressesWrapAndOffsetsAreSigned) {
  TestProgram program(
      "func.func @k(%p: !tile.ptr<i16>, %out: !tile.ptr<i16>) attributes {tile.kernel} {\n"
      "%big = arith.constant 4611686018427387905 : i64\n%back = arith.constant -4611686018427387904 : i64\n"
      "%minus = arith.constant -1 : i32\n%a = tile.addptr %p, %big : !tile.ptr<i16>, i64\n"
      "%b = tile.addptr %a, %back : !tile.ptr<i16>, i64\n%c = tile.addptr %b, %minus : !tile.ptr<i16>, i32\n"
      "%v = tile.load %c : !tile.ptr<i16> -> i16\ntile.store %out, %v : !tile.ptr<i16>\nreturn\n}");
  int16_t in = 1234, out = 0;
  EXPECT_EQ(program.run(&in, &out), "");
  EXPECT_EQ(out, 1234);
}

TEST(Memory, BooleansAreBytes) {
  TestProgram program("func.func @k(%p: !tile.ptr<i1>, %out: !tile.ptr<i1>) attributes {tile.kernel} {\n"
                      "%v = tile.load %p : !tile.ptr<i1> -> i1\ntile.store %out, %v : !tile.ptr<i1>\nreturn\n}");
  uint8_t in = 6, out = 99;
  EXPECT_EQ(program.run(&in, &out), "");
  EXPECT_EQ(out, 1);
}

TEST(Memory, Fp8AndPointerBitcast) {
  TestProgram program("func.func @k(%p: !tile.ptr<i8>, %out: !tile.ptr<f32>) attributes {tile.kernel} {\n"
                      "%q = tile.bitcast %p : !tile.ptr<i8> -> !tile.ptr<f8E4M3FN>\n%v = tile.load %q : "
                      "!tile.ptr<f8E4M3FN> -> f8E4M3FN\n"
                      "%w = arith.extf %v : f8E4M3FN to f32\ntile.store %out, %w : !tile.ptr<f32>\nreturn\n}");
  uint8_t in = 0x7e;
  float out = 0;
  EXPECT_EQ(program.run(&in, &out), "");
  EXPECT_EQ(out, 448.0f);
}

int32_t atomic(const std::string &kind, int32_t old, int32_t operand, int32_t &memory) {
  TestProgram program("func.func @k(%p: !tile.ptr<i32>, %v: i32, %out: !tile.ptr<i32>) attributes {tile.kernel} {\n"
                      "%o = tile.atomic_rmw " +
                      kind +
                      " acq_rel device %p, %v : !tile.ptr<i32> -> i32\n"
                      "tile.store %out, %o : !tile.ptr<i32>\nreturn\n}");
  int32_t result = 0;
  memory = old;
  EXPECT_EQ(program.run(&memory, operand, &result), "");
  return result;
}

TEST(Atomics, EveryKind) {
  int32_t memory;
  EXPECT_EQ(atomic("add", INT32_MAX, 1, memory), INT32_MAX);
  EXPECT_EQ(memory, INT32_MIN);
  auto after = [&](const std::string &kind, int32_t old, int32_t operand) {
    EXPECT_EQ(atomic(kind, old, operand, memory), old);
    return memory;
  };
  EXPECT_EQ(after("max", -5, 3), 3);
  EXPECT_EQ(after("min", -5, 3), -5);
  EXPECT_EQ(after("and", 12, 10), 8);
  EXPECT_EQ(after("or", 12, 10), 14);
  EXPECT_EQ(after("xor", 12, 10), 6);
  EXPECT_EQ(after("xchg", 12, 10), 10);
}

TEST(Atomics, LanesOnOneAddressAllCountAndMaskedOnesDoNot) {
  TestProgram program(
      kernel("%old = tile.atomic_rmw add relaxed device %s, %two mask %m : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>\n"
             "tile.store %o, %old : tensor<4x!tile.ptr<i32>>"));
  Ints counter = {5}, out(4, -1);
  EXPECT_EQ(program.run({3, 2, 1}, {}, counter.data(), out.data()), "");
  EXPECT_EQ(counter[0], 5 + 6 * 4);
  EXPECT_EQ(out, (Ints{25, 27, 0, 0})); // of the last program
}

TEST(Atomics, FloatAdd) {
  TestProgram program("func.func @k(%p: !tile.ptr<f16>, %v: f16) attributes {tile.kernel} {\n"
                      "%o = tile.atomic_rmw fadd relaxed device %p, %v : !tile.ptr<f16> -> f16\nreturn\n}");
  uint16_t memory = 0x3c00, one = 0x3c00;
  EXPECT_EQ(program.run({4, 1, 1}, {}, &memory, one), "");
  EXPECT_EQ(memory, 0x4500);
}

TEST(Atomics, CompareAndSwap) {
  TestProgram program(
      "func.func @k(%p: !tile.ptr<i64>, %c: i64, %v: i64, %out: !tile.ptr<i64>) attributes {tile.kernel} {\n"
      "%o = tile.atomic_cas acquire system %p, %c, %v : !tile.ptr<i64> -> i64\n"
      "tile.store %out, %o : !tile.ptr<i64>\nreturn\n}");
  int64_t memory = 7, old = 0;
  EXPECT_EQ(program.run(&memory, int64_t(8), int64_t(1), &old), "");
  EXPECT_EQ(memory, 7);
  EXPECT_EQ(program.run(&memory, int64_t(7), int64_t(1), &old), "");
  EXPECT_EQ(memory, 1);
  EXPECT_EQ(old, 7);
}

} // namespace
