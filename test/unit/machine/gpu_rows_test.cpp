// Machine operations on a real GPU against their meanings in the emulator, through the compiler both times. Without a
// GPU it is tested that they run on the emulator.
#include "row_kernel.h"

#include "kiln/float_types.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>

using namespace kiln;
using namespace kiln::test;
using namespace kiln::tile_gpu;

namespace {

using Random = std::mt19937_64;

bool startsWith(const MachineRow &row, llvm::StringRef prefix) { return llvm::StringRef(row.name).starts_with(prefix); }

/// Rows that compute, or exchange, or access matrices.
std::vector<std::string> rowsOf(bool (*wanted)(const MachineRow &)) {
  std::vector<std::string> names;
  for (const MachineRow &row : machineRows())
    if (wanted(row))
      names.push_back(row.name);
  return names;
}

std::string testName(const testing::TestParamInfo<std::string> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

class OnGPU : public testing::TestWithParam<std::string> {
protected:
  const MachineRow &row() const { return *lookupMachineOp(GetParam()); }

  /// Runs the operation on both; without a GPU the test is skipped after the emulator has run.
  void run(const std::vector<WarpInput> &inputs) {
    RowKernel kernel(row());
    ASSERT_NO_THROW(emulated = kernel.runOnEmulator(inputs));
    if (std::string reason = gpuUnavailable(row().capability); !reason.empty())
      GTEST_SKIP() << reason;
    measured = kernel.runOnGPU(inputs);
  }

  void expectSame(const std::vector<WarpInput> &inputs) const {
    for (size_t i = 0; i < measured.size(); ++i)
      for (unsigned lane = 0; lane < 32; ++lane)
        ASSERT_EQ(measured[i][lane], emulated[i][lane])
            << "input " << i << ", lane " << lane << ": " << testing::PrintToString(inputs[i].operands[lane]);
  }

  std::vector<WarpOutput> emulated, measured;
};

//===----------------------------------------------------------------------===//
// Registers of one thread
//===----------------------------------------------------------------------===//

/// Bits of a type: any, or what is special.
uint64_t anyBits(MachineType type, Random &random) {
  static constexpr uint32_t special[] = {0x00000000, 0x80000000, 0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff,
                                         0x7f800000, 0xff800000, 0x7f800001, 0x7fc00000, 0xffffffff, 0x3f800000,
                                         0x33000000, 0x33000001, 0x477fefff, 0x477ff000, 0x43e00000, 0x43e80000,
                                         0x47600000, 0x47700000, 0x7f7f8000, 0x3f808000, 0x3f801000, 0x3f803000};
  uint64_t bits = random();
  switch (type) {
  case MachineType::I1:
    return bits & 1;
  case MachineType::I8:
    return bits & 0xff;
  case MachineType::I16:
    return bits & 0xffff;
  case MachineType::I32:
    return bits & 0xffffffff;
  case MachineType::F32:
    if (bits >> 60 < 4)
      return special[bits % std::size(special)] ^ (bits >> 59 & 1) << 31;
    if (bits >> 63) { // a number of moderate size, where narrow formats have theirs
      const auto exponent = uint32_t(127 - 28 + (bits >> 32) % 48);
      return (bits & 0x80000000) | exponent << 23 | (bits & 0x7fffff);
    }
    return bits & 0xffffffff;
  default:
    return bits;
  }
}

bool isRegisterRow(const MachineRow &row) {
  return row.effect == MachineEffect::None && !row.convergent && !row.operands.empty();
}

class RegisterRow : public OnGPU {};

TEST_P(RegisterRow, SameBits) {
  Random random(1);
  const bool isExponential = row().name == "ex2.approx.ftz.f32";
  // All values of 16 bits, or of the lower half of a pair.
  std::vector<WarpInput> inputs(2048);
  for (size_t i = 0; i < inputs.size(); ++i)
    for (unsigned lane = 0; lane < 32; ++lane)
      for (MachineType type : row().operands) {
        uint64_t bits = anyBits(type, random);
        if (row().operands.size() == 1 && (type == MachineType::I16 || type == MachineType::I32))
          bits = (bits & 0xffff0000) | (i * 32 + lane);
        if (row().operands.size() == 1 && type == MachineType::I16)
          bits &= 0xffff;
        if (isExponential && i % 2)
          bits = std::bit_cast<uint32_t>(float(double(random() >> 11) * 0x1p-53 * 300 - 160));
        inputs[i].operands[lane].push_back(bits);
      }
  run(inputs);
  if (IsSkipped() || HasFatalFailure())
    return;
  if (!isExponential)
    return expectSame(inputs);
  double largest = 0;
  for (size_t i = 0; i < measured.size(); ++i)
    for (unsigned lane = 0; lane < 32; ++lane) {
      const auto got = uint32_t(measured[i][lane][0]), want = uint32_t(emulated[i][lane][0]);
      const double x = std::bit_cast<float>(got), y = std::bit_cast<float>(want);
      if (got == want)
        continue;
      const double error = std::fabs(x / y - 1);
      largest = std::max(largest, error);
      // 2^-22.5 of the instruction (PTX ISA), and half a place of the emulator's rounding. Next to the smallest normal
      // number one of both may be flushed.
      if (std::min(x, y) == 0)
        EXPECT_LE(std::max(x, y), 0x1.00001p-126) << inputs[i].operands[lane][0];
      else
        EXPECT_LE(error, 0x1p-22) << std::hex << inputs[i].operands[lane][0] << ": " << got << ", " << want;
    }
  std::printf("%s: largest relative error 2^%.2f\n", row().name.c_str(), std::log2(largest));
}

INSTANTIATE_TEST_SUITE_P(Rows, RegisterRow, testing::ValuesIn(rowsOf(isRegisterRow)), testName);

//===----------------------------------------------------------------------===//
// Exchanges
//===----------------------------------------------------------------------===//

bool isExchangeRow(const MachineRow &row) {
  return row.effect == MachineEffect::None && row.convergent && !startsWith(row, "mma.");
}

class ExchangeRow : public OnGPU {};

TEST_P(ExchangeRow, SameBits) {
  Random random(2);
  const bool isShuffle = startsWith(row(), "shfl."), isIndexed = startsWith(row(), "shfl.sync.idx");
  const bool isReduction = startsWith(row(), "redux."), isMatch = startsWith(row(), "match.");
  std::vector<WarpInput> inputs(512);
  for (size_t i = 0; i < inputs.size(); ++i) {
    WarpInput &input = inputs[i];
    // A shuffle of some lanes must read from those only.
    if (i % 2 && (!isShuffle || isIndexed))
      input.lanes = uint32_t(random()) | 1U << random() % 32;
    if (i >= 480) // a lane alone
      input.lanes = isShuffle && !isIndexed ? 0xffffffff : 1U << (i - 480);
    std::vector<unsigned> members;
    for (unsigned lane = 0; lane < 32; ++lane)
      if (input.lanes >> lane & 1)
        members.push_back(lane);
    const uint64_t control = random() & 0x1f1f, base = random();
    for (unsigned lane = 0; lane < 32; ++lane) {
      std::vector<uint64_t> &operands = input.operands[lane];
      if (isShuffle && input.lanes == 0xffffffff)
        operands = {input.lanes, random() & 0xffffffff, random() & 0xffffffff, i % 4 ? control : random() & 0xffffffff};
      else if (isShuffle)
        operands = {input.lanes, random() & 0xffffffff, members[random() % members.size()], 31};
      else if (isReduction)
        operands = {i % 3 ? random() & 0xffffffff : (base + random() % 8) & 0xffffffff, input.lanes};
      else if (isMatch && row().operands[1] == MachineType::I64)
        operands = {input.lanes, base ^ (random() % 3) << (i % 64)};
      else if (isMatch)
        operands = {input.lanes, (i % 5 ? base ^ random() % 2 << (i % 32) : base) & 0xffffffff};
      else
        operands = {input.lanes, i % 7 == 0 ? 0 : i % 7 == 1 ? 1 : random() & 1};
    }
  }
  run(inputs);
  if (!IsSkipped() && !HasFatalFailure())
    expectSame(inputs);
}

INSTANTIATE_TEST_SUITE_P(Rows, ExchangeRow, testing::ValuesIn(rowsOf(isExchangeRow)), testName);

//===----------------------------------------------------------------------===//
// Accesses of matrices
//===----------------------------------------------------------------------===//

bool isMatrixRow(const MachineRow &row) { return startsWith(row, "ldmatrix.") || startsWith(row, "stmatrix."); }

class MatrixRow : public OnGPU {};

TEST_P(MatrixRow, SameBits) {
  Random random(3);
  std::vector<WarpInput> inputs(64);
  for (WarpInput &input : inputs) {
    for (uint64_t &word : input.shared)
      word = random();
    // The rows in any order; lanes beyond the last matrix name none that matters.
    std::array<uint64_t, 64> places;
    for (size_t i = 0; i < places.size(); ++i)
      places[i] = 16 * i;
    std::shuffle(places.begin(), places.end(), random);
    for (unsigned lane = 0; lane < 32; ++lane) {
      input.operands[lane] = {places[lane]};
      for (size_t i = 1; i < row().operands.size(); ++i)
        input.operands[lane].push_back(random() & 0xffffffff);
    }
  }
  run(inputs);
  if (!IsSkipped() && !HasFatalFailure())
    expectSame(inputs);
}

INSTANTIATE_TEST_SUITE_P(Rows, MatrixRow, testing::ValuesIn(rowsOf(isMatrixRow)), testName);

//===----------------------------------------------------------------------===//
// Tensor cores
//===----------------------------------------------------------------------===//

bool isMmaRow(const MachineRow &row) { return startsWith(row, "mma."); }

struct Element {
  unsigned bits;
  uint64_t (*encode)(float);
};

Element elementOf(llvm::StringRef type) {
  if (type == "f16")
    return {16, [](float x) -> uint64_t { return half(x).bits; }};
  if (type == "bf16")
    return {16, [](float x) -> uint64_t { return bfloat16(x).bits; }};
  if (type == "tf32")
    return {32, [](float x) -> uint64_t { return std::bit_cast<uint32_t>(x); }};
  if (type == "e4m3")
    return {8, [](float x) -> uint64_t { return float8_e4m3(x).bits; }};
  if (type == "e5m2")
    return {8, [](float x) -> uint64_t { return float8_e5m2(x).bits; }};
  return {8, [](float x) -> uint64_t { return uint8_t(int8_t(x)); }};
}

class MmaRow : public OnGPU {
protected:
  MmaRow() {
    // "mma.m16n8k32.f32.e4m3.e5m2": A has twice the registers of B.
    llvm::SmallVector<llvm::StringRef> parts;
    llvm::StringRef(GetParam()).split(parts, '.');
    a = elementOf(parts[3]);
    b = elementOf(parts.back());
    aRegisters = (row().operands.size() - 4) / 3 * 2;
    isInteger = parts[2] == "s32";
  }

  /// Registers of `element` whose numbers f() yields.
  template <class F>
  static uint64_t registerOf(const Element &element, F &&f) {
    uint64_t bits = 0;
    for (unsigned i = 0; i < 32; i += element.bits)
      bits |= element.encode(f()) << i;
    return bits;
  }

  template <class F, class G>
  WarpInput makeInput(F &&number, G &&start) const {
    WarpInput input;
    for (std::vector<uint64_t> &operands : input.operands) {
      for (size_t i = 0; i < row().operands.size() - 4; ++i)
        operands.push_back(registerOf(i < aRegisters ? a : b, number));
      for (int i = 0; i < 4; ++i)
        operands.push_back(isInteger ? uint32_t(int32_t(start())) : std::bit_cast<uint32_t>(float(start())));
    }
    return input;
  }

  /// The magnitudes of all numbers.
  WarpInput withoutSigns(WarpInput input) const {
    for (std::vector<uint64_t> &operands : input.operands)
      for (size_t i = 0; i < operands.size(); ++i) {
        const unsigned bits = i < operands.size() - 4 ? a.bits : 32;
        for (unsigned j = bits - 1; j < 32; j += bits)
          operands[i] &= ~(uint64_t(1) << j);
      }
    return input;
  }

  Element a, b;
  size_t aRegisters;
  bool isInteger;
};

/// How far tensor cores may be from the exact sum, as a part of the sum of the magnitudes: they cut the summands to a
/// common exponent before they add.
constexpr double kTolerance = 0x1p-21;

TEST_P(MmaRow, SameUpToItsRounding) {
  Random random(4);
  std::uniform_real_distribution<float> unit(-1, 1);
  std::vector<WarpInput> inputs;
  for (int i = 0; i < 200; ++i) {
    auto small = [&] { return std::round(unit(random) * 8); };
    auto any = [&] { return isInteger ? std::round(unit(random) * 127) : unit(random) * 4; };
    auto wide = [&] { return unit(random) * std::exp2(float(random() % 16) - 8); };
    if (i % 4 == 0) // small integers: exact
      inputs.push_back(makeInput(small, [&] { return std::round(unit(random) * 1000); }));
    else if (i % 4 == 1 || isInteger)
      inputs.push_back(makeInput(any, any));
    else if (i % 4 == 2)
      inputs.push_back(makeInput(wide, wide));
    else // sums that cancel to little
      inputs.push_back(makeInput(any, [] { return 0.0F; }));
  }
  run(inputs);
  if (IsSkipped() || HasFatalFailure())
    return;
  if (isInteger)
    return expectSame(inputs);
  std::vector<WarpInput> positive;
  for (const WarpInput &input : inputs)
    positive.push_back(withoutSigns(input));
  const std::vector<WarpOutput> magnitudes = RowKernel(row()).runOnEmulator(positive);
  double largest = 0;
  for (size_t i = 0; i < inputs.size(); ++i)
    for (unsigned lane = 0; lane < 32; ++lane)
      for (int r = 0; r < 4; ++r) {
        auto number = [&](const std::vector<WarpOutput> &outputs) -> double {
          return std::bit_cast<float>(uint32_t(outputs[i][lane][r]));
        };
        const double error = std::fabs(number(measured) - number(emulated)) / number(magnitudes);
        if (i % 4 == 0)
          ASSERT_EQ(number(measured), number(emulated)) << "input " << i << ", lane " << lane;
        largest = std::max(largest, error);
      }
  std::printf("%s: largest error 2^%.2f of the sum of magnitudes\n", row().name.c_str(), std::log2(largest));
  EXPECT_LE(largest, kTolerance);
}

// What is infinite, no number, or subnormal, alone in its row of the product.
TEST_P(MmaRow, SameBitsOfSpecialNumbers) {
  if (isInteger)
    GTEST_SKIP() << "integers are all alike";
  Random random(5);
  std::vector<WarpInput> inputs;
  for (int i = 0; i < 200; ++i) {
    WarpInput input = makeInput([] { return 0.0F; }, [] { return 0.0F; });
    const uint64_t one = registerOf(b, [] { return 1.0F; });
    for (std::vector<uint64_t> &operands : input.operands) {
      for (size_t r = aRegisters; r < operands.size() - 4; ++r)
        operands[r] = one;
      // In one of the elements of A that the lane has: any code at all.
      if (random() % 8 == 0) {
        const unsigned at = a.bits == 32 ? 0 : unsigned(random() % (32 / a.bits)) * a.bits;
        operands[random() % aRegisters] |= (random() & ((uint64_t(1) << a.bits) - 1)) << at & 0xffffffff;
      }
      if (i % 3 == 1) { // and so of the sums that are there before
        static constexpr uint32_t starts[] = {0x7f800000, 0xff800000, 0x7fc00001, 0x00000001, 0x80000001, 0x80000000};
        for (int r = 0; r < 4; ++r)
          operands[operands.size() - 1 - r] = starts[random() % std::size(starts)];
      }
    }
    inputs.push_back(std::move(input));
  }
  run(inputs);
  if (IsSkipped() || HasFatalFailure())
    return;
  for (size_t i = 0; i < inputs.size(); ++i)
    for (unsigned lane = 0; lane < 32; ++lane)
      for (int r = 0; r < 4; ++r) {
        const auto got = uint32_t(measured[i][lane][r]), want = uint32_t(emulated[i][lane][r]);
        const float x = std::bit_cast<float>(got), y = std::bit_cast<float>(want);
        if (std::isfinite(x) && std::isfinite(y) && (x != 0 || y != 0))
          EXPECT_NEAR(x, y, std::fabs(y) * kTolerance + 0x1p-148) << "input " << i << ", lane " << lane;
        else
          EXPECT_EQ(got, want) << "input " << i << ", lane " << lane;
      }
}

INSTANTIATE_TEST_SUITE_P(Rows, MmaRow, testing::ValuesIn(rowsOf(isMmaRow)), testName);

//===----------------------------------------------------------------------===//
// mbarriers
//===----------------------------------------------------------------------===//

/// Two phases: each lane arrives in the first, async copies do in the second. What is tested of each is stored.
constexpr const char *kPhases = R"(
func.func @k(%in: i64, %out: i64) attributes {tile.kernel, tile.num_warps = 1 : i32, tile_gpu.shared_bytes = 1024 : i64} {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %eight = arith.constant 8 : i32
  %sixteen = arith.constant 16 : i32
  %lanes = arith.constant 32 : i32
  %tid = tile_gpu.machine "tid.x"() : () -> i32
  %at = tile_gpu.machine "shared.base"() : () -> i32
  %first = arith.cmpi eq, %tid, %zero : i32
  cf.cond_br %first, ^init, ^ready
^init:
  tile_gpu.machine "mbarrier.init"(%at, %lanes) : (i32, i32) -> ()
  cf.br ^ready
^ready:
  tile_gpu.machine "bar.sync"() : () -> ()
  %a0 = tile_gpu.machine "mbarrier.test_wait.parity"(%at, %zero) : (i32, i32) -> i1
  %a1 = tile_gpu.machine "mbarrier.test_wait.parity"(%at, %one) : (i32, i32) -> i1
  tile_gpu.machine "bar.sync"() : () -> ()
  %state = tile_gpu.machine "mbarrier.arrive"(%at) : (i32) -> i64
  cf.br ^wait
^wait:
  %ended = tile_gpu.machine "mbarrier.test_wait"(%at, %state) : (i32, i64) -> i1
  cf.cond_br %ended, ^second, ^wait
^second:
  %b0 = tile_gpu.machine "mbarrier.test_wait.parity"(%at, %zero) : (i32, i32) -> i1
  %b1 = tile_gpu.machine "mbarrier.test_wait.parity"(%at, %one) : (i32, i32) -> i1
  tile_gpu.machine "bar.sync"() : () -> ()
  %bytes = arith.muli %tid, %sixteen : i32
  %wide = arith.extui %bytes : i32 to i64
  %from = arith.addi %in, %wide : i64
  %data = arith.constant 64 : i32
  %behind = arith.addi %at, %data : i32
  %to = arith.addi %behind, %bytes : i32
  tile_gpu.machine "cp.async.ca.16"(%to, %from, %sixteen) : (i32, i64, i32) -> ()
  tile_gpu.machine "cp.async.mbarrier.arrive.noinc"(%at) : (i32) -> ()
  cf.br ^copying
^copying:
  %copied = tile_gpu.machine "mbarrier.test_wait.parity"(%at, %one) : (i32, i32) -> i1
  cf.cond_br %copied, ^done, ^copying
^done:
  %c0 = tile_gpu.machine "mbarrier.test_wait.parity"(%at, %zero) : (i32, i32) -> i1
  %other = arith.xori %bytes, %eight : i32
  %far = arith.constant 496 : i32
  %mirrored = arith.subi %far, %bytes : i32
  %read = arith.addi %behind, %mirrored : i32
  %word = tile_gpu.machine "ld.shared.b64"(%read) : (i32) -> i64
  %w0 = arith.extui %a0 : i1 to i64
  %w1 = arith.extui %a1 : i1 to i64
  %w2 = arith.extui %b0 : i1 to i64
  %w3 = arith.extui %b1 : i1 to i64
  %w4 = arith.extui %c0 : i1 to i64
  %c10 = arith.constant 10 : i64
  %d0 = arith.muli %w0, %c10 : i64
  %d1 = arith.addi %d0, %w1 : i64
  %d2 = arith.muli %d1, %c10 : i64
  %d3 = arith.addi %d2, %w2 : i64
  %d4 = arith.muli %d3, %c10 : i64
  %d5 = arith.addi %d4, %w3 : i64
  %d6 = arith.muli %d5, %c10 : i64
  %d7 = arith.addi %d6, %w4 : i64
  %result = arith.addi %out, %wide : i64
  tile_gpu.machine "st.global.v2.b64"(%result, %d7, %word) : (i64, i64, i64) -> ()
  return
}
)";

TEST(MbarrierRows, PhasesAreTheSame) {
  std::vector<uint64_t> input(64);
  for (uint64_t i = 0; i < 64; ++i)
    input[i] = 1000 + i;
  auto expect = [&](const std::vector<uint64_t> &output) {
    for (uint64_t lane = 0; lane < 32; ++lane) {
      // Parity 1 has ended before the first phase, parity 0 after it, and parity 1 alone after the second.
      EXPECT_EQ(output[2 * lane], 1100U) << lane;
      EXPECT_EQ(output[2 * lane + 1], 1000 + 62 - 2 * lane) << lane;
    }
  };
  std::vector<uint64_t> emulated(64), measured(64);
  ASSERT_NO_THROW(runOnEmulator(kPhases, 1024, 1, input, emulated));
  expect(emulated);
  if (std::string reason = gpuUnavailable(80); !reason.empty())
    GTEST_SKIP() << reason;
  runOnGPU(kPhases, 1024, 1, input, measured);
  expect(measured);
}

} // namespace
