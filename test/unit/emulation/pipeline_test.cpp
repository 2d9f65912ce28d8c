//===- pipeline_test.cpp - Loops with stages, against the interpreter ------------------------------------===//
//
// Each kernel runs with one to four stages and one to eight warps, over trip counts around the number of stages; the
// emulator watches for reads of slots that nobody has filled, for races, and for accesses outside of the buffers.
//
//===----------------------------------------------------------------------===//

#include "emulation_test.h"

#include <cstring>
#include <random>

using namespace kiln;

namespace {

using Buffers = EmulationTest::Buffers;

template <class T>
std::vector<uint8_t> bytes(const std::vector<T> &values) {
  std::vector<uint8_t> result(values.size() * sizeof(T));
  std::memcpy(result.data(), values.data(), result.size());
  return result;
}

/// Small integers as f16, whose products and sums are exact.
std::vector<uint8_t> halves(size_t count, unsigned seed) {
  static constexpr uint16_t values[] = {0x0000, 0x3c00, 0xbc00, 0x4000, 0xc000, 0x4200}; // 0, 1, -1, 2, -2, 3
  std::mt19937 random(seed);
  std::vector<uint16_t> result(count);
  for (uint16_t &value : result)
    value = values[random() % std::size(values)];
  return bytes(result);
}

std::vector<uint8_t> floats(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> result(count);
  for (float &value : result)
    value = float(int(random() % 17) - 8);
  return bytes(result);
}

std::string replaceAll(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// A kernel with WARPS and STAGES to be filled in, as MLIR.
class Pipelined {
public:
  /// `expected` operations have to appear, where there is more than one stage.
  Pipelined(const std::string &text, int warps, int stages, std::vector<std::string> expected = {},
            unsigned capability = 90)
      : test(replaceAll(replaceAll(text, "WARPS", std::to_string(warps)), "STAGES", std::to_string(stages)),
             capability) {
    std::string code = test.print();
    EXPECT_EQ(stages > 1 && code.find("cp.async") != std::string::npos, stages > 1 && !expected.empty()) << code;
    for (const std::string &operation : expected)
      if (stages > 1)
        EXPECT_NE(code.find(operation), std::string::npos) << "no " << operation << " in\n" << code;
  }

  void run(const Buffers &buffers, const std::string &what) {
    EXPECT_EQ(test.interpret(buffers), test.emulate(buffers)) << what;
  }

  EmulationTest test;
};

/// Every number of warps and stages.
template <class F>
void forEachShape(F f) {
  for (int stages = 1; stages <= 4; ++stages)
    for (int warps : {1, 2, 4, 8})
      f(warps, stages);
}

//===----------------------------------------------------------------------===//
// Direct loads
//===----------------------------------------------------------------------===//

// sum over i of rows [i * 16, i * 16 + 16) of a matrix of n rows and 64 columns, those from n on masked off.
const char kSum[] = R"(
func.func @k(%out: !tile.ptr<f32> {tile.divisibility = 16 : i64},
             %in: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly},
             %bounds: !tile.ptr<i32> {tile.readonly}) attributes {tile.kernel, tile.num_warps = WARPS : i32} {
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %lo_p = tile.addptr %bounds, %c1 : !tile.ptr<i32>, i32
  %step_p = tile.addptr %bounds, %c2 : !tile.ptr<i32>, i32
  %hi = tile.load %bounds : !tile.ptr<i32> -> i32
  %lo = tile.load %lo_p : !tile.ptr<i32> -> i32
  %step = tile.load %step_p : !tile.ptr<i32> -> i32
  %cols = tile.arange 0 to 64 : tensor<64xi32>
  %rows = tile.arange 0 to 16 : tensor<16xi32>
  %c64 = arith.constant dense<64> : tensor<16xi32>
  %col = tile.expand_dims %cols axis 0 : tensor<64xi32> -> tensor<1x64xi32>
  %col_b = tile.broadcast %col : tensor<1x64xi32> -> tensor<16x64xi32>
  %zero = arith.constant dense<0.0> : tensor<16x64xf32>
  %limit = tile.splat %hi : i32 -> tensor<16xi32>
  %base = tile.splat %in : !tile.ptr<f32> -> tensor<16x64x!tile.ptr<f32>>
  %sum = scf.for %i = %lo to %hi step %step iter_args(%acc = %zero) -> (tensor<16x64xf32>) : i32 {
    %start = tile.splat %i : i32 -> tensor<16xi32>
    %row = arith.addi %start, %rows : tensor<16xi32>
    %live = arith.cmpi slt, %row, %limit : tensor<16xi32>
    %offset = arith.muli %row, %c64 : tensor<16xi32>
    %offset_e = tile.expand_dims %offset axis 1 : tensor<16xi32> -> tensor<16x1xi32>
    %offset_b = tile.broadcast %offset_e : tensor<16x1xi32> -> tensor<16x64xi32>
    %index = arith.addi %offset_b, %col_b : tensor<16x64xi32>
    %p = tile.addptr %base, %index : tensor<16x64x!tile.ptr<f32>>, tensor<16x64xi32>
    %live_e = tile.expand_dims %live axis 1 : tensor<16xi1> -> tensor<16x1xi1>
    %live_b = tile.broadcast %live_e : tensor<16x1xi1> -> tensor<16x64xi1>
    %x = tile.load %p mask %live_b : tensor<16x64x!tile.ptr<f32>> -> tensor<16x64xf32>
    %double = arith.addf %x, %x : tensor<16x64xf32>
    %next = arith.addf %acc, %double : tensor<16x64xf32>
    scf.yield %next : tensor<16x64xf32>
  } {tile.num_stages = STAGES : i32}
  %c64_i = arith.constant dense<64> : tensor<16xi32>
  %r = arith.muli %rows, %c64_i : tensor<16xi32>
  %r_e = tile.expand_dims %r axis 1 : tensor<16xi32> -> tensor<16x1xi32>
  %r_b = tile.broadcast %r_e : tensor<16x1xi32> -> tensor<16x64xi32>
  %o_i = arith.addi %r_b, %col_b : tensor<16x64xi32>
  %o_b = tile.splat %out : !tile.ptr<f32> -> tensor<16x64x!tile.ptr<f32>>
  %o = tile.addptr %o_b, %o_i : tensor<16x64x!tile.ptr<f32>>, tensor<16x64xi32>
  tile.store %o, %sum : tensor<16x64x!tile.ptr<f32>>
  return
}
)";

TEST(Pipeline, DirectLoadsWithMasks) {
  forEachShape([](int warps, int stages) {
    Pipelined kernel(kSum, warps, stages, {"cp.async.cg.16", "cp.async.commit_group"});
    for (int trips = 0; trips <= 2 * stages + 1; ++trips) {
      int rows = std::max(trips * 16 - 5, 0); // of the last block some are masked off
      kernel.run({bytes(std::vector<float>(16 * 64)), floats(std::max(rows, 1) * 64, trips),
                  bytes(std::vector<int32_t>{rows, 0, 16})},
                 std::to_string(warps) + " warps, " + std::to_string(stages) + " stages, " + std::to_string(trips) +
                     " trips");
    }
  });
}

TEST(Pipeline, BoundsThatAreCloseToOverflow) {
  for (int stages = 2; stages <= 4; ++stages) {
    Pipelined kernel(kSum, 2, stages, {"cp.async.cg.16"});
    // The distance to iterations that there are not overflows; to the next one it does not, as a loop demands.
    for (std::vector<int32_t> bounds : std::vector<std::vector<int32_t>>{{100, 90, INT32_MAX - 90},  // one iteration
                                                                         {32, 0, INT32_MAX - 1},     // the same
                                                                         {-5, 20, 16},               // none
                                                                         {INT32_MIN, INT32_MAX, 1}}) // none
      kernel.run({bytes(std::vector<float>(16 * 64)), floats(200 * 64, 1), bytes(bounds)},
                 "from " + std::to_string(bounds[1]) + " to " + std::to_string(bounds[0]));
  }
}

//===----------------------------------------------------------------------===//
// Indirect loads
//===----------------------------------------------------------------------===//

// Attention's skeleton: q [8, 64] times gathered rows of k, and their product with gathered rows of v, pages of 4
// tokens. Unused entries of the table name no page.
const char kPaged[] = R"(
func.func @k(%out: !tile.ptr<f32> {tile.divisibility = 16 : i64},
             %q: !tile.ptr<f16> {tile.divisibility = 16 : i64, tile.readonly},
             %k: !tile.ptr<f16> {tile.divisibility = 16 : i64, tile.readonly},
             %v: !tile.ptr<f16> {tile.divisibility = 16 : i64, tile.readonly},
             %table: !tile.ptr<i32> {tile.readonly},
             %length: !tile.ptr<i32> {tile.readonly}) attributes {tile.kernel, tile.num_warps = WARPS : i32} {
  %c0 = arith.constant 0 : i32
  %c32 = arith.constant 32 : i32
  %n = tile.load %length : !tile.ptr<i32> -> i32
  %dims = tile.arange 0 to 64 : tensor<64xi32>
  %dim = tile.expand_dims %dims axis 0 : tensor<64xi32> -> tensor<1x64xi32>
  %heads = tile.arange 0 to 8 : tensor<8xi32>
  %head = tile.expand_dims %heads axis 1 : tensor<8xi32> -> tensor<8x1xi32>
  %c64 = arith.constant dense<64> : tensor<8x1xi32>
  %head64 = arith.muli %head, %c64 : tensor<8x1xi32>
  %head_b = tile.broadcast %head64 : tensor<8x1xi32> -> tensor<8x64xi32>
  %dim_b = tile.broadcast %dim : tensor<1x64xi32> -> tensor<8x64xi32>
  %at = arith.addi %head_b, %dim_b : tensor<8x64xi32>
  %q_b = tile.splat %q : !tile.ptr<f16> -> tensor<8x64x!tile.ptr<f16>>
  %q_p = tile.addptr %q_b, %at : tensor<8x64x!tile.ptr<f16>>, tensor<8x64xi32>
  %query = tile.load %q_p : tensor<8x64x!tile.ptr<f16>> -> tensor<8x64xf16>
  %tokens = tile.arange 0 to 32 : tensor<32xi32>
  %zero = arith.constant dense<0.0> : tensor<8x64xf32>
  %sum = scf.for %i = %c0 to %n step %c32 iter_args(%acc = %zero) -> (tensor<8x64xf32>) : i32 {
    %start = tile.splat %i : i32 -> tensor<32xi32>
    %token = arith.addi %start, %tokens : tensor<32xi32>
    %limit = tile.splat %n : i32 -> tensor<32xi32>
    %live = arith.cmpi slt, %token, %limit : tensor<32xi32>
    %c4 = arith.constant dense<4> : tensor<32xi32>
    %entry = arith.divsi %token, %c4 : tensor<32xi32>
    %in_page = arith.remsi %token, %c4 : tensor<32xi32>
    %t_b = tile.splat %table : !tile.ptr<i32> -> tensor<32x!tile.ptr<i32>>
    %t_p = tile.addptr %t_b, %entry : tensor<32x!tile.ptr<i32>>, tensor<32xi32>
    %page = tile.load %t_p mask %live : tensor<32x!tile.ptr<i32>> -> tensor<32xi32>
    %first = arith.muli %page, %c4 : tensor<32xi32>
    %slot = arith.addi %first, %in_page : tensor<32xi32>
    %slot_64 = arith.extsi %slot : tensor<32xi32> to tensor<32xi64>
    %width = arith.constant dense<64> : tensor<32xi64>
    %row = arith.muli %slot_64, %width : tensor<32xi64>
    %row_e = tile.expand_dims %row axis 1 : tensor<32xi64> -> tensor<32x1xi64>
    %live_e = tile.expand_dims %live axis 1 : tensor<32xi1> -> tensor<32x1xi1>
    %mask = tile.broadcast %live_e : tensor<32x1xi1> -> tensor<32x64xi1>
    %d = tile.broadcast %dim : tensor<1x64xi32> -> tensor<32x64xi32>
    %k_b = tile.splat %k : !tile.ptr<f16> -> tensor<32x1x!tile.ptr<f16>>
    %k_r = tile.addptr %k_b, %row_e : tensor<32x1x!tile.ptr<f16>>, tensor<32x1xi64>
    %k_w = tile.broadcast %k_r : tensor<32x1x!tile.ptr<f16>> -> tensor<32x64x!tile.ptr<f16>>
    %k_p = tile.addptr %k_w, %d : tensor<32x64x!tile.ptr<f16>>, tensor<32x64xi32>
    %keys = tile.load %k_p mask %mask : tensor<32x64x!tile.ptr<f16>> -> tensor<32x64xf16>
    %keys_t = tile.trans %keys [1, 0] : tensor<32x64xf16> -> tensor<64x32xf16>
    %none = arith.constant dense<0.0> : tensor<8x32xf32>
    %scores = tile.dot %query, %keys_t, %none : tensor<8x64xf16>, tensor<64x32xf16> -> tensor<8x32xf32>
    %high = arith.constant dense<4.0> : tensor<8x32xf32>
    %low = arith.constant dense<-4.0> : tensor<8x32xf32>
    %clamp = arith.minnumf %scores, %high : tensor<8x32xf32>
    %clamped = arith.maxnumf %clamp, %low : tensor<8x32xf32>
    %weights = arith.truncf %clamped : tensor<8x32xf32> to tensor<8x32xf16>
    %v_b = tile.splat %v : !tile.ptr<f16> -> tensor<32x1x!tile.ptr<f16>>
    %v_r = tile.addptr %v_b, %row_e : tensor<32x1x!tile.ptr<f16>>, tensor<32x1xi64>
    %v_w = tile.broadcast %v_r : tensor<32x1x!tile.ptr<f16>> -> tensor<32x64x!tile.ptr<f16>>
    %v_p = tile.addptr %v_w, %d : tensor<32x64x!tile.ptr<f16>>, tensor<32x64xi32>
    %values = tile.load %v_p mask %mask : tensor<32x64x!tile.ptr<f16>> -> tensor<32x64xf16>
    %next = tile.dot %weights, %values, %acc : tensor<8x32xf16>, tensor<32x64xf16> -> tensor<8x64xf32>
    scf.yield %next : tensor<8x64xf32>
  } {tile.num_stages = STAGES : i32}
  %o_b = tile.splat %out : !tile.ptr<f32> -> tensor<8x64x!tile.ptr<f32>>
  %o = tile.addptr %o_b, %at : tensor<8x64x!tile.ptr<f32>>, tensor<8x64xi32>
  tile.store %o, %sum : tensor<8x64x!tile.ptr<f32>>
  return
}
)";

/// Copies as the machine operation `copy`.
void runPaged(const std::string &text, const std::string &copy, int warps, int stages, unsigned capability = 90) {
  constexpr int kPages = 80;
  Pipelined kernel(text, warps, stages, {copy, "ldmatrix.x4\"", "ldmatrix.x4.trans"}, capability);
  for (int trips = 0; trips <= 2 * stages + 1; ++trips) {
    int length = std::max(trips * 32 - 7, 0);
    std::vector<int32_t> table(kPages);
    for (int i = 0; i < kPages; ++i)
      table[i] = i * 4 < length ? (i * 37 + 11) % kPages : -1;
    kernel.run({bytes(std::vector<float>(8 * 64)), halves(8 * 64, 1), halves(kPages * 4 * 64, 2),
                halves(kPages * 4 * 64, 3), bytes(table), bytes(std::vector<int32_t>{length})},
               std::to_string(warps) + " warps, " + std::to_string(stages) + " stages, " + std::to_string(trips) +
                   " trips");
  }
}

TEST(Pipeline, GathersThroughATable) {
  forEachShape([](int warps, int stages) { runPaged(kPaged, "\"cp.async.cg.16\"", warps, stages); });
}

// The address in shared memory is put together in another way from sm_90 on.
TEST(Pipeline, GathersThatAreEvictedFirst) {
  const std::string text = replaceAll(kPaged, "mask %mask :", "mask %mask evict_first :");
  for (unsigned capability : {80, 90})
    for (int stages : {1, 3})
      runPaged(text, "\"cp.async.cg.16.hint\"", 2, stages, capability);
}

//===----------------------------------------------------------------------===//
// Other loops
//===----------------------------------------------------------------------===//

/// A kernel of [4, 32] tiles: %row(%i) stands for the pointers to row i of a matrix of f32, 128 to a row, and `body`
/// for statements that end with the store of a tile.
std::string small(const std::string &parameters, const std::string &body) {
  return R"(
func.func @k(%out: !tile.ptr<f32> {tile.divisibility = 16 : i64},
             %in: !tile.ptr<f32> {tile.divisibility = 16 : i64READONLY},
             %table: !tile.ptr<i32> {tile.readonly},
             %count: !tile.ptr<i32> {tile.readonly}) attributes {tile.kernel, tile.num_warps = WARPS : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %c3 = arith.constant 3 : i32
  %c512 = arith.constant 512 : i32
  %n = tile.load %count : !tile.ptr<i32> -> i32
  %lanes = tile.arange 0 to 512 : tensor<512xi32>
  %zero = arith.constant dense<0.0> : tensor<512xf32>
  %in_b = tile.splat %in : !tile.ptr<f32> -> tensor<512x!tile.ptr<f32>>
)" + body +
         R"(
  %o_b = tile.splat %out : !tile.ptr<f32> -> tensor<512x!tile.ptr<f32>>
  %o = tile.addptr %o_b, %lanes : tensor<512x!tile.ptr<f32>>, tensor<512xi32>
  tile.store %o, %result : tensor<512x!tile.ptr<f32>>
  return
}
)";
}

/// `name` becomes row `index` of the matrix.
std::string row(const std::string &name, const std::string &index) {
  std::string n = "%" + name;
  return replaceAll(replaceAll(R"(
    %N_o = arith.muli INDEX, %c512 : i32
    %N_s = tile.splat %N_o : i32 -> tensor<512xi32>
    %N_i = arith.addi %N_s, %lanes : tensor<512xi32>
    %N_p = tile.addptr %in_b, %N_i : tensor<512x!tile.ptr<f32>>, tensor<512xi32>
    %N = tile.load %N_p : tensor<512x!tile.ptr<f32>> -> tensor<512xf32>
)",
                               "%N", n),
                    "INDEX", index);
}

/// `name` becomes entry `index` of the table.
std::string entry(const std::string &name, const std::string &index) {
  return "    %" + name + "_p = tile.addptr %table, " + index + " : !tile.ptr<i32>, i32\n    %" + name +
         " = tile.load %" + name + "_p : !tile.ptr<i32> -> i32\n";
}

void runSmall(const std::string &body, bool isReadOnly = true, bool copies = true) {
  std::string text = replaceAll(small("", body), "READONLY", isReadOnly ? ", tile.readonly" : "");
  for (int stages = 1; stages <= 4; ++stages) {
    for (int warps : {1, 4}) {
      Pipelined kernel(text, warps, stages,
                       copies ? std::vector<std::string>{"cp.async.cg.16"} : std::vector<std::string>{});
      for (int trips = 0; trips <= 2 * stages + 1; ++trips) {
        std::vector<int32_t> table;
        for (int i = 0; i < 16; ++i)
          table.push_back((i * 7 + 3) % 16);
        kernel.run(
            {bytes(std::vector<float>(512)), floats(16 * 512, trips), bytes(table), bytes(std::vector<int32_t>{trips})},
            std::to_string(warps) + " warps, " + std::to_string(stages) + " stages, " + std::to_string(trips) +
                " trips");
      }
    }
  }
}

const std::string kLoop =
    "  %result = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> (tensor<512xf32>) : i32 {\n";
const std::string kEnd = "    scf.yield %next : tensor<512xf32>\n  } {tile.num_stages = STAGES : i32}\n";
const std::string kAdd = "    %next = arith.addf %acc, %x : tensor<512xf32>\n";

TEST(Pipeline, ATableOfTables) {
  runSmall(kLoop + entry("a", "%i") + entry("b", "%a") + entry("c", "%b") + row("x", "%c") + kAdd + kEnd);
}

TEST(Pipeline, AddressesThatAdvance) {
  // Pointers, by rows; a number, from the last row on; and a number that does not grow evenly.
  runSmall("  %c512_s = tile.splat %c512 : i32 -> tensor<512xi32>\n  %c15 = arith.constant 15 : i32\n"
           "  %minus = arith.constant -1 : i32\n"
           "  %first = tile.addptr %in_b, %lanes : tensor<512x!tile.ptr<f32>>, tensor<512xi32>\n"
           "  %all:4 = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero, %p = %first, %o = %c15, %u = %c0) -> "
           "(tensor<512xf32>, tensor<512x!tile.ptr<f32>>, i32, i32) : i32 {\n"
           "    %x = tile.load %p : tensor<512x!tile.ptr<f32>> -> tensor<512xf32>\n" +
           row("y", "%o") + row("z", "%u") +
           "    %xy = arith.subf %x, %y : tensor<512xf32>\n    %xyz = arith.addf %xy, %z : tensor<512xf32>\n"
           "    %next = arith.addf %acc, %xyz : tensor<512xf32>\n"
           "    %p_next = tile.addptr %p, %c512_s : tensor<512x!tile.ptr<f32>>, tensor<512xi32>\n"
           "    %o_next = arith.addi %minus, %o : i32\n    %u_next = arith.remsi %i, %c2 : i32\n"
           "    scf.yield %next, %p_next, %o_next, %u_next : tensor<512xf32>, tensor<512x!tile.ptr<f32>>, i32, i32\n"
           "  } {tile.num_stages = STAGES : i32}\n"
           "  %result = arith.addf %all#0, %zero : tensor<512xf32>\n");
}

TEST(Pipeline, EntriesThatAreUsedOtherwiseToo) {
  runSmall(kLoop + entry("a", "%i") + row("x", "%a") +
           "    %f = arith.sitofp %a : i32 to f32\n    %f_s = tile.splat %f : f32 -> tensor<512xf32>\n"
           "    %y = arith.mulf %x, %f_s : tensor<512xf32>\n    %next = arith.addf %acc, %y : tensor<512xf32>\n" +
           kEnd);
}

TEST(Pipeline, OneTableAtTwoDistances) {
  runSmall(kLoop + entry("a", "%i") + entry("b", "%a") + row("x", "%a") + row("y", "%b") +
           "    %z = arith.subf %x, %y : tensor<512xf32>\n    %next = arith.addf %acc, %z : tensor<512xf32>\n" + kEnd);
}

TEST(Pipeline, ScalarsAreFetched) {
  runSmall(kLoop + entry("a", "%i") +
               "    %f = arith.sitofp %a : i32 to f32\n    %x = tile.splat %f : f32 -> tensor<512xf32>\n" + kAdd + kEnd,
           true, /*copies=*/false);
}

TEST(Pipeline, MemoryThatIsNotReadOnly) {
  runSmall(kLoop + row("x", "%i") + kAdd + kEnd, /*isReadOnly=*/false);
  // What the loop writes is read in its iteration.
  runSmall(kLoop + row("x", "%i") + kAdd + "    tile.store %x_p, %next : tensor<512x!tile.ptr<f32>>\n" + kEnd,
           /*isReadOnly=*/false, /*copies=*/false);
}

TEST(Pipeline, StoresBeforeAndBehindTheLoop) {
  // Each thread writes what another one reads in the loop.
  runSmall("  %end = arith.constant dense<511> : tensor<512xi32>\n  %back = arith.subi %end, %lanes : tensor<512xi32>\n"
           "  %back_p = tile.addptr %in_b, %back : tensor<512x!tile.ptr<f32>>, tensor<512xi32>\n" +
               row("w", "%c1") + "  tile.store %back_p, %w : tensor<512x!tile.ptr<f32>>\n" + kLoop + row("x", "%i") +
               kAdd + kEnd + "  tile.store %back_p, %result : tensor<512x!tile.ptr<f32>>\n",
           /*isReadOnly=*/false);
}

TEST(Pipeline, UsesInBranchesAndAtTheEnd) {
  runSmall(kLoop + row("x", "%i") +
           "    %odd = arith.remsi %i, %c2 : i32\n    %is_odd = arith.cmpi eq, %odd, %c1 : i32\n"
           "    %next = scf.if %is_odd -> (tensor<512xf32>) {\n"
           "      %sum = arith.addf %acc, %x : tensor<512xf32>\n      scf.yield %sum : tensor<512xf32>\n"
           "    } else {\n      scf.yield %x : tensor<512xf32>\n    }\n" +
           kEnd);
}

TEST(Pipeline, InABranch) {
  runSmall("  %some = arith.cmpi sgt, %n, %c2 : i32\n  %result = scf.if %some -> (tensor<512xf32>) {\n" +
           replaceAll(kLoop, "%result", "%inner") + row("x", "%i") + kAdd + kEnd +
           "  scf.yield %inner : tensor<512xf32>\n  } else {\n  scf.yield %zero : tensor<512xf32>\n  }\n");
}

TEST(Pipeline, LoopsInLoops) {
  std::string inner =
      replaceAll(replaceAll(replaceAll(kLoop, "%result", "%next"), "%i =", "%j ="), "%acc = %zero", "%acc2 = %x") +
      "    %k = arith.addi %i, %j : i32\n    %k16 = arith.remsi %k, %c16 : i32\n" + row("y", "%k16") +
      "    %more = arith.addf %acc2, %y : tensor<512xf32>\n    scf.yield %more : tensor<512xf32>\n  }";
  std::string outer = "  %c16 = arith.constant 16 : i32\n" + kLoop + row("w", "%i") +
                      "    %x = arith.addf %acc, %w : tensor<512xf32>\n";
  runSmall(outer + inner + "\n" + kEnd);
  runSmall(outer + inner + " {tile.num_stages = STAGES : i32}\n" + kEnd);
  runSmall(outer + inner + " {tile.num_stages = 2 : i32}\n" + replaceAll(kEnd, "STAGES", "1"), true, /*copies=*/true);
}

TEST(Pipeline, OneLoopAfterAnother) {
  runSmall(replaceAll(kLoop, "%result", "%first") + row("x", "%i") + kAdd + kEnd +
           replaceAll(kLoop, "%acc = %zero", "%acc = %first") + entry("a", "%i") + row("x", "%a") + kAdd + kEnd);
}

} // namespace
