// Kernels compiled for the emulator, with a stand-in for it that runs one thread.
#include "kiln/Target/Emulator/EmulatorTarget.h"

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <random>

using namespace mlir;
using namespace kiln;

namespace {

/// What the code knows as a thread: the counters' address comes first.
struct Thread {
  uint64_t *counters;
  const emulator::CompiledKernel *kernel;
  uint32_t tid;
  std::vector<std::string> *prints;
};

unsigned bytesOf(StringRef name) {
  unsigned bits = 0;
  EXPECT_FALSE(name.split(".b").second.split('.').first.getAsInteger(10, bits)) << name.str();
  return bits / 8;
}

/// tid.x, loads and stores of global memory, packs of registers, prints.
void execute(void *context, uint32_t site, const uint64_t *operands, uint64_t *results) {
  auto &thread = *static_cast<Thread *>(context);
  StringRef name = thread.kernel->sites.at(site).operation;
  bool isPredicated = name.ends_with(".pred");
  unsigned count = name.contains(".v4.") ? 4 : name.contains(".v2.") ? 2 : 1;
  const uint64_t *data = operands + (isPredicated ? 2 : 1);
  bool isOn = !isPredicated || operands[1] == 1;
  if (name == "tid.x") {
    results[0] = thread.tid;
  } else if (name.starts_with("ctaid") || name == "laneid") {
    results[0] = 0;
  } else if (name.starts_with("ld.global")) {
    unsigned bytes = bytesOf(name);
    for (unsigned i = 0; i < count; ++i) {
      results[i] = isOn ? 0 : data[i];
      if (isOn)
        std::memcpy(&results[i], reinterpret_cast<const char *>(operands[0]) + i * bytes, bytes);
    }
  } else if (name.starts_with("st.global")) {
    unsigned bytes = bytesOf(name);
    for (unsigned i = 0; isOn && i < count; ++i) {
      EXPECT_EQ(bytes < 8 ? data[i] >> 8 * bytes : 0, 0u) << "bits above a value";
      std::memcpy(reinterpret_cast<char *>(operands[0]) + i * bytes, &data[i], bytes);
    }
  } else if (name == "pack.b16x2") {
    results[0] = operands[0] | operands[1] << 16;
  } else if (name == "unpack.b16x2") {
    results[0] = operands[0] & 0xffff;
    results[1] = operands[0] >> 16;
  } else if (name == "vprintf") {
    thread.prints->push_back(thread.kernel->sites[site].text + " " + std::to_string(operands[0]));
  } else {
    ADD_FAILURE() << "an operation that the test does not know: " << name.str();
  }
}

class EmulatorTarget : public testing::Test {
protected:
  EmulatorTarget() {
    context.loadDialect<tile::TileDialect, tile_gpu::TileGPUDialect, arith::ArithDialect, cf::ControlFlowDialect,
                        func::FuncDialect, math::MathDialect, scf::SCFDialect, ub::UBDialect>();
    context.printOpOnDiagnostic(false);
  }

  std::string compile(const std::string &text, std::function<void(StringRef, StringRef)> dump = {}) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, ParserConfig(&context), "test.mlir");
    if (!module)
      return "not parsed";
    emulator::Options options;
    options.execute = execute;
    if (dump)
      options.dump = dump;
    auto compiled = emulator::compile(*module, llvm::cantFail(gpu::GPUTarget::parse("sm_90a")), options);
    if (!compiled)
      return llvm::toString(compiled.takeError());
    kernel = std::move(*compiled);
    counters.assign(kernel->blocks.size(), 0);
    return "";
  }

  template <typename... Args>
  void run(uint32_t tid, Args... args) {
    Thread thread{counters.data(), kernel.get(), tid, &prints};
    std::array<const void *, sizeof...(Args)> slots{&args...};
    kernel->entry()(&thread, slots.data());
  }

  /// What operations on %a, %b and %c, of which they make %r, yield for an element type.
  template <typename T>
  std::vector<T> apply(const std::string &body, const std::string &type, const std::vector<std::array<T, 3>> &inputs,
                       const std::string &resultType = "") {
    std::string bits = "i" + std::to_string(8 * sizeof(T)), result = resultType.empty() ? type : resultType;
    std::string text = "func.func @k(%a: " + type + ", %b: " + type + ", %c: " + type +
                       ", %p: i64) attributes {tile.kernel} {\n" + body + "%bits = arith.bitcast %r : " + result +
                       " to " + bits + "\ntile_gpu.machine \"st.global.b" + bits.substr(1) + "\"(%p, %bits) : (i64, " +
                       bits + ") -> ()\nreturn\n}\n";
    EXPECT_EQ(compile(text), "") << text;
    std::vector<T> results(inputs.size());
    for (auto [input, output] : llvm::zip_equal(inputs, results))
      run(0, input[0], input[1], input[2], &output);
    return results;
  }

  MLIRContext context;
  std::unique_ptr<emulator::CompiledKernel> kernel;
  std::vector<uint64_t> counters;
  std::vector<std::string> prints;
};

} // namespace

TEST_F(EmulatorTarget, RunsTheCodeOfOneThread) {
  ASSERT_EQ(compile(R"(
func.func @sum(%p: i64, %n: i32, %on: i1, %scale: f32) attributes {tile.kernel, tile.num_warps = 2 : i32, tile_gpu.shared_bytes = 64 : i64} {
  %tid = tile_gpu.machine "tid.x"() : () -> i32 loc("k.cpp":1:1)
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %start = arith.sitofp %tid : i32 to f32 loc("k.cpp":2:1)
  %sum = scf.for %i = %zero to %n step %one iter_args(%s = %start) -> f32 : i32 {
    %wide = arith.extsi %i : i32 to i64 loc("k.cpp":3:1)
    %four = arith.constant 4 : i64
    %offset = arith.muli %wide, %four : i64 loc("k.cpp":3:1)
    %address = arith.addi %p, %offset : i64 loc("k.cpp":3:1)
    %bits = tile_gpu.machine "ld.global.b32.pred"(%address, %on, %zero) : (i64, i1, i32) -> i32 loc("k.cpp":3:5)
    %x = arith.bitcast %bits : i32 to f32
    %y = arith.mulf %x, %scale : f32 loc("k.cpp":4:1)
    %t = arith.addf %s, %y : f32 loc("k.cpp":4:1)
    scf.yield %t : f32
  } loc("k.cpp":9:1)
  %bits = arith.bitcast %sum : f32 to i32
  tile_gpu.machine "st.global.b32"(%p, %bits) : (i64, i32) -> () loc("k.cpp":5:1)
  tile_gpu.machine "vprintf"(%tid) {format = "tid"} : (i32) -> () loc("k.cpp":6:1)
  return loc("k.cpp":7:1)
}
)"),
            "");
  EXPECT_EQ(kernel->description.name, "sum");
  EXPECT_EQ(kernel->description.numWarps, 2);
  EXPECT_EQ(kernel->description.sharedBytes, 64);
  EXPECT_TRUE(kernel->description.ptx.empty());

  std::vector<std::string> sites;
  for (const emulator::Site &site : kernel->sites)
    sites.push_back(site.operation + " at " + site.place + ": " + site.text + site.types);
  EXPECT_EQ(sites, (std::vector<std::string>{"tid.x at k.cpp:1:1: ", "ld.global.b32.pred at k.cpp:3:5: ",
                                             "st.global.b32 at k.cpp:5:1: ", "vprintf at k.cpp:6:1: tidi"}));

  float values[3] = {1, 2, 4};
  run(7, &values, 3, true, 0.5f);
  EXPECT_EQ(values[0], 7 + 3.5f);
  EXPECT_EQ(prints, std::vector<std::string>{"tid 7"});
  float unread[3] = {1, 2, 4};
  run(8, &unread, 3, false, 0.5f);
  EXPECT_EQ(unread[0], 8);

  // The counters, as often as the blocks were entered, say how much of what was executed.
  std::map<std::pair<std::string, emulator::OperationClass>, uint64_t> executed;
  for (size_t block = 0; block < counters.size(); ++block)
    for (const emulator::Count &count : kernel->blocks[block])
      executed[{count.place, count.kind}] += counters[block] * count.count;
  using Class = emulator::OperationClass;
  EXPECT_EQ((executed[{"k.cpp:2:1", Class::Conversion}]), 2u);
  EXPECT_EQ((executed[{"k.cpp:3:1", Class::Conversion}]), 6u);
  EXPECT_EQ((executed[{"k.cpp:3:1", Class::Integer}]), 12u);
  EXPECT_EQ((executed[{"k.cpp:4:1", Class::Floating}]), 12u);
  EXPECT_EQ((executed[{"k.cpp:9:1", Class::Control}]), 8u);
  EXPECT_EQ((executed[{"k.cpp:7:1", Class::Control}]), 2u);
}

TEST_F(EmulatorTarget, RunsATileProgram) {
  std::map<std::string, std::string> stages;
  ASSERT_EQ(compile(R"(
func.func @scale(%p: !tile.ptr<bf16>, %s: bf16) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 64 : tensor<64xi32>
  %b = tile.splat %p : !tile.ptr<bf16> -> tensor<64x!tile.ptr<bf16>>
  %a = tile.addptr %b, %i : tensor<64x!tile.ptr<bf16>>, tensor<64xi32>
  %x = tile.load %a : tensor<64x!tile.ptr<bf16>> -> tensor<64xbf16>
  %f = tile.splat %s : bf16 -> tensor<64xbf16>
  %y = arith.mulf %x, %f : tensor<64xbf16>
  tile.store %a, %y : tensor<64x!tile.ptr<bf16>>
  return
}
)",
                    [&](StringRef stage, StringRef text) { stages[stage.str()] = text.str(); }),
            "");
  EXPECT_EQ(kernel->description.numWarps, 1);
  ASSERT_EQ(kernel->description.accesses.size(), 2u);
  EXPECT_EQ(kernel->description.accesses[0].place, "test.mlir:6:8");
  for (const char *stage : {"tile", "tile_gpu", "threads", "llvm", "llvmir", "asm"})
    EXPECT_EQ(stages.count(stage), 1u) << stage;
  EXPECT_NE(stages["threads"].find("tile_gpu.machine"), std::string::npos);
  EXPECT_NE(stages["llvm"].find("kiln_emulator_execute"), std::string::npos);
  auto bf16 = [](float value) { return uint16_t(std::bit_cast<uint32_t>(value) >> 16); };
  std::array<uint16_t, 64> values;
  for (int i = 0; i < 64; ++i)
    values[i] = bf16(float(i));
  for (uint32_t tid = 0; tid < 32; ++tid)
    run(tid, &values, bf16(2));
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(values[i], bf16(2.0f * float(i))) << i;
}

// A kernel may have the name of a function that its code calls.
TEST_F(EmulatorTarget, FunctionsOfDoubleComeFromTheCLibrary) {
  for (auto [name, function] : std::initializer_list<std::pair<std::string, double (*)(double)>>{{"exp", std::exp},
                                                                                                 {"exp2", std::exp2},
                                                                                                 {"log", std::log},
                                                                                                 {"log2", std::log2},
                                                                                                 {"sin", std::sin},
                                                                                                 {"cos", std::cos},
                                                                                                 {"tanh", std::tanh},
                                                                                                 {"erf", std::erf},
                                                                                                 {"sqrt", std::sqrt}}) {
    ASSERT_EQ(compile("func.func @" + name + "(%x: f64, %p: i64) attributes {tile.kernel} {\n%r = math." + name +
                      " %x : f64\n%b = arith.bitcast %r : f64 to i64\n" +
                      "tile_gpu.machine \"st.global.b64\"(%p, %b) : (i64, i64) -> ()\nreturn\n}\n"),
              "");
    double result = 0;
    run(0, 0.75, &result);
    EXPECT_EQ(result, function(0.75)) << name;
  }
}

TEST_F(EmulatorTarget, KeepsProductsAndSumsApart) {
  // 1 - x * y with x * y = 1 - 2^-46 exactly: 0 after rounding the product.
  float x = 1 + 0x1p-23f, y = 1 - 0x1p-23f;
  std::vector<float> separate =
      apply<float>("%m = arith.mulf %a, %b : f32\n%r = arith.subf %c, %m : f32\n", "f32", {{x, y, 1.0f}});
  EXPECT_EQ(separate[0], 0.0f);
  std::vector<float> denormal = apply<float>("%r = arith.mulf %a, %b : f32\n", "f32", {{0x1p-100f, 0x1p-40f, 0.0f}});
  EXPECT_EQ(denormal[0], 0x1p-140f);
}

namespace {

template <bool IsHalf>
float widen(uint16_t bits) {
  llvm::APFloat value(IsHalf ? llvm::APFloat::IEEEhalf() : llvm::APFloat::BFloat(), llvm::APInt(16, bits));
  bool loses = false;
  value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &loses);
  return value.convertToFloat();
}

/// All results but the payloads of NaN are those of APFloat.
template <bool IsHalf>
void expectSame(StringRef what, ArrayRef<std::array<uint16_t, 3>> inputs, ArrayRef<uint16_t> results,
                llvm::function_ref<void(llvm::APFloat &, const llvm::APFloat &, const llvm::APFloat &)> compute) {
  const llvm::fltSemantics &semantics = IsHalf ? llvm::APFloat::IEEEhalf() : llvm::APFloat::BFloat();
  auto number = [&](uint16_t bits) { return llvm::APFloat(semantics, llvm::APInt(16, bits)); };
  for (auto [input, result] : llvm::zip_equal(inputs, results)) {
    llvm::APFloat expected = number(input[0]);
    compute(expected, number(input[1]), number(input[2]));
    if (expected.isNaN())
      EXPECT_TRUE(number(result).isNaN()) << what.str();
    else
      ASSERT_EQ(result, expected.bitcastToAPInt().getZExtValue())
          << what.str() << " of " << widen<IsHalf>(input[0]) << ", " << widen<IsHalf>(input[1]) << ", "
          << widen<IsHalf>(input[2]);
  }
}

std::vector<std::array<uint16_t, 3>> narrowInputs() {
  std::vector<std::array<uint16_t, 3>> inputs;
  // The product lies half way between two numbers of bf16, and the sum a little beside it.
  inputs.push_back({0x3f81, 0x3fc0, 0x0080});
  inputs.push_back({0x3f81, 0x3fc0, 0x8080});
  std::mt19937 random(5);
  const uint16_t special[] = {0, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0x7f80, 0xff80, 0x7fc0, 1, 0x8001, 0x3c00, 0x3f80};
  for (uint16_t a : special)
    for (uint16_t b : special)
      for (uint16_t c : special)
        inputs.push_back({a, b, c});
  for (int i = 0; i < 20000; ++i)
    inputs.push_back({uint16_t(random()), uint16_t(random()), uint16_t(random())});
  for (int i = 0; i < 20000; ++i) { // of one magnitude
    auto near = [&] { return uint16_t(0x3e00 + random() % 0x400 + (random() % 2 << 15)); };
    inputs.push_back({near(), near(), near()});
  }
  return inputs;
}

} // namespace

TEST_F(EmulatorTarget, ArithmeticOf16BitsRoundsOnce) {
  using llvm::APFloat;
  const auto nearest = APFloat::rmNearestTiesToEven;
  std::vector<std::array<uint16_t, 3>> inputs = narrowInputs();
  auto check = [&](const std::string &operation, const std::string &operands,
                   llvm::function_ref<void(APFloat &, const APFloat &, const APFloat &)> compute) {
    expectSame<true>(operation, inputs, apply<uint16_t>("%r = " + operation + operands + " : f16\n", "f16", inputs),
                     compute);
    expectSame<false>(operation, inputs, apply<uint16_t>("%r = " + operation + operands + " : bf16\n", "bf16", inputs),
                      compute);
  };
  check("arith.addf", " %a, %b", [&](APFloat &a, const APFloat &b, const APFloat &) { a.add(b, nearest); });
  check("arith.mulf", " %a, %b", [&](APFloat &a, const APFloat &b, const APFloat &) { a.multiply(b, nearest); });
  check("arith.divf", " %a, %b", [&](APFloat &a, const APFloat &b, const APFloat &) { a.divide(b, nearest); });
  check("math.fma", " %a, %b, %c",
        [&](APFloat &a, const APFloat &b, const APFloat &c) { a.fusedMultiplyAdd(b, c, nearest); });
  check("arith.maximumf", " %a, %b", [&](APFloat &a, const APFloat &b, const APFloat &) { a = maximum(a, b); });
  check("arith.minnumf", " %a, %b", [&](APFloat &a, const APFloat &b, const APFloat &) {
    a = a.isNaN() ? b : b.isNaN() ? a : minimum(a, b);
  });
}

TEST_F(EmulatorTarget, ExtremaAndChoicesOfFloats) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const float values[] = {0.0f, -0.0f, 1.0f, -1.0f, 0x1p-149f, infinity, -infinity, nan};
  std::vector<std::array<float, 3>> inputs;
  for (float a : values)
    for (float b : values)
      inputs.push_back({a, b, 2.0f});
  auto check = [&](const std::string &body, llvm::function_ref<llvm::APFloat(llvm::APFloat, llvm::APFloat)> compute) {
    std::vector<float> results = apply<float>(body, "f32", inputs);
    for (auto [input, result] : llvm::zip_equal(inputs, results)) {
      float expected = compute(llvm::APFloat(input[0]), llvm::APFloat(input[1])).convertToFloat();
      if (std::isnan(expected))
        EXPECT_TRUE(std::isnan(result)) << body << input[0] << ", " << input[1];
      else
        EXPECT_EQ(std::bit_cast<uint32_t>(result), std::bit_cast<uint32_t>(expected))
            << body << input[0] << ", " << input[1];
    }
  };
  using llvm::APFloat;
  check("%r = arith.maximumf %a, %b : f32\n", [](APFloat a, APFloat b) { return maximum(a, b); });
  check("%r = arith.minimumf %a, %b : f32\n", [](APFloat a, APFloat b) { return minimum(a, b); });
  check("%r = arith.maxnumf %a, %b : f32\n", [](APFloat a, APFloat b) {
    return a.isNaN() ? b : b.isNaN() ? a : maximum(a, b);
  });
  check("%c0 = arith.cmpf olt, %a, %b : f32\n%r = arith.select %c0, %a, %c : f32\n",
        [](APFloat a, APFloat b) { return a < b ? a : APFloat(2.0f); });
}

TEST_F(EmulatorTarget, ConversionsRoundOnce) {
  std::mt19937_64 random(11);
  std::vector<std::array<uint64_t, 3>> inputs;
  // Just above half way between two numbers of the narrow types, by less than a float can say.
  for (double x : {1 + 0x1p-11 + 0x1p-50, 1 + 0x1p-8 + 0x1p-50, 0x1p-25 + 0x1p-60, 65519.9999999, 65520.0, 1e300})
    inputs.push_back({std::bit_cast<uint64_t>(x), 0, 0});
  for (int i = 0; i < 20000; ++i)
    inputs.push_back({std::bit_cast<uint64_t>(std::ldexp(double(random()), int(random() % 60) - 90)), 0, 0});
  for (bool isHalf : {true, false}) {
    std::string type = isHalf ? "f16" : "bf16";
    std::vector<uint64_t> results =
        apply<uint64_t>("%n = arith.truncf %a : f64 to " + type + "\n%i = arith.bitcast %n : " + type +
                            " to i16\n%r = arith.extui %i : i16 to i64\n",
                        "f64", inputs, "i64");
    for (auto [input, result] : llvm::zip_equal(inputs, results)) {
      llvm::APFloat expected(std::bit_cast<double>(input[0]));
      bool loses = false;
      expected.convert(isHalf ? llvm::APFloat::IEEEhalf() : llvm::APFloat::BFloat(), llvm::APFloat::rmNearestTiesToEven,
                       &loses);
      ASSERT_EQ(result, expected.bitcastToAPInt().getZExtValue()) << type << " of " << std::bit_cast<double>(input[0]);
    }
  }
}

TEST_F(EmulatorTarget, RefusesFramesThatDoNotFitAFiber) {
  // The words of the operands alone take 136,000 bytes.
  std::string operands = "%n", types = "i32";
  for (int i = 1; i < 17000; ++i) {
    operands += ", %n";
    types += ", i32";
  }
  std::string error = compile("func.func @k(%n: i32) attributes {tile.kernel} {\ntile_gpu.machine \"vprintf\"(" +
                              operands + ") {format = \"\"} : (" + types + ") -> ()\nreturn\n}\n");
  EXPECT_NE(error.find("a function takes "), std::string::npos) << error;
  EXPECT_NE(error.find(" bytes of the stack, but may take 131072"), std::string::npos) << error;
}

TEST_F(EmulatorTarget, ErrorsAreThoseOfTheGPU) {
  EXPECT_EQ(compile("func.func @f() {\n  return\n}\n"), "the module holds no kernel");
  EXPECT_EQ(compile("func.func @k(%x: f32) attributes {tile.kernel} {\n  %0 = math.sin %x : f32\n  return\n}\n"),
            "'math.sin' op of type 'f32' has no instruction on a GPU");
}

TEST_F(EmulatorTarget, SaysHowToRunItsPasses) {
  const gpu::GPUTarget target = llvm::cantFail(gpu::GPUTarget::parse("sm_80"));
  emulator::Options options;
  EXPECT_EQ(emulator::pipelineArguments(target, options),
            "--tile-to-emulator='capability=80 shared-bytes=166912 check-exchanges=true'");
  options.asserts = true;
  EXPECT_EQ(emulator::pipelineArguments(target, options),
            "--tile-to-emulator='capability=80 shared-bytes=166912 asserts=true check-exchanges=true'");
}
