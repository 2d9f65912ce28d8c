// The grid, loops, branches, promises, assertions, output, and errors of the launch.
#include "interpreter_test.h"

using namespace kiln::interp;

namespace {

TEST(Grid, ProgramsRunAxisZeroFirst) {
  TestProgram program(
      "func.func @k(%out: !tile.ptr<i32>, %next: !tile.ptr<i32>) attributes {tile.kernel} {\n"
      "%x = tile.program_id 0 : i32\n%y = tile.program_id 1 : i32\n%z = tile.program_id 2 : i32\n"
      "%nx = tile.num_programs 0 : i32\n%ny = tile.num_programs 1 : i32\n"
      "%one = arith.constant 1 : i32\n%turn = tile.atomic_rmw add relaxed device %next, %one : !tile.ptr<i32> -> i32\n"
      "%zy = arith.muli %z, %ny : i32\n%row = arith.addi %zy, %y : i32\n%rx = arith.muli %row, %nx : i32\n"
      "%index = arith.addi %rx, %x : i32\n%p = tile.addptr %out, %turn : !tile.ptr<i32>, i32\n"
      "tile.store %p, %index : !tile.ptr<i32>\nreturn\n}");
  std::vector<int32_t> out(12, -1);
  int32_t next = 0;
  EXPECT_EQ(program.run({2, 3, 2}, {}, out.data(), &next), "");
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(out[i], i);
}

std::string scalarKernel(const std::string &body) {
  return "func.func @k(%n: i32, %out: !tile.ptr<i32>) attributes {tile.kernel} {\n%c0 = arith.constant 0 : i32\n"
         "%c1 = arith.constant 1 : i32\n%c2 = arith.constant 2 : i32\n" +
         body + "\ntile.store %out, %r : !tile.ptr<i32>\nreturn\n}";
}

int32_t runScalar(const std::string &body, int32_t n) {
  int32_t out = -1;
  EXPECT_EQ(TestProgram(scalarKernel(body)).run(n, &out), "");
  return out;
}

TEST(Control, ForCarriesValuesAtOnce) {
  // Fibonacci numbers: both carried values change together.
  std::string body = "%a, %r = scf.for %i = %c0 to %n step %c1 iter_args(%x = %c0, %y = %c1) -> (i32, i32) : i32 {\n"
                     "%s = arith.addi %x, %y : i32\nscf.yield %y, %s : i32, i32\n}";
  EXPECT_EQ(runScalar(body, 0), 1);
  EXPECT_EQ(runScalar(body, 10), 89);
  EXPECT_EQ(runScalar(body, -3), 1);
}

TEST(Control, ForStepsAndNests) {
  std::string body = "%r = scf.for %i = %c1 to %n step %c2 iter_args(%x = %c0) -> (i32) : i32 {\n"
                     "%t = scf.for %j = %c0 to %i step %c1 iter_args(%y = %x) -> (i32) : i32 {\n"
                     "%s = arith.addi %y, %j : i32\nscf.yield %s : i32\n}\nscf.yield %t : i32\n}";
  EXPECT_EQ(runScalar(body, 6), 0 + (0 + 1 + 2) + (0 + 1 + 2 + 3 + 4));
}

TEST(Control, StepZeroIsAnError) {
  int32_t out;
  TestProgram zero(
      scalarKernel("%r = scf.for %i = %c0 to %n step %c0 iter_args(%x = %c0) -> (i32) : i32 {\nscf.yield %x : i32\n}"));
  EXPECT_EQ(zero.run(1, &out), "test.mlir:5:6: error: the step of a loop must be positive (program (0, 0, 0))");
}

TEST(Control, OverflowingInductionVariableIsAnError) {
  int32_t out;
  TestProgram program(
      scalarKernel("%lo = arith.constant 2147483646 : i32\n"
                   "%r = scf.for %i = %lo to %n step %c2 iter_args(%x = %c0) -> (i32) : i32 {\nscf.yield %x : i32\n}"));
  EXPECT_EQ(program.run(INT32_MAX, &out),
            "test.mlir:6:6: error: the induction variable of a loop overflows (program (0, 0, 0))");
}

TEST(Control, If) {
  std::string body = "%c = arith.cmpi sgt, %n, %c0 : i32\n%r = scf.if %c -> i32 {\nscf.yield %c1 : i32\n} else "
                     "{\nscf.yield %c2 : i32\n}\n"
                     "scf.if %c {\n%m = arith.constant 77 : i32\n%p = tile.addptr %out, %c1 : !tile.ptr<i32>, "
                     "i32\ntile.store %p, %m : !tile.ptr<i32>\n}";
  int32_t out[2] = {0, 0};
  TestProgram program(scalarKernel(body));
  EXPECT_EQ(program.run(-1, out), "");
  EXPECT_EQ(out[0], 2);
  EXPECT_EQ(out[1], 0);
  EXPECT_EQ(program.run(1, out), "");
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[1], 77);
}

TEST(Control, While) {
  // The number of halvings until 0; the condition forwards the values in another order.
  std::string body =
      "%r:2 = scf.while (%x = %n, %k = %c0) : (i32, i32) -> (i32, i32) {\n%c = arith.cmpi sgt, %x, %c0 : i32\n"
      "scf.condition(%c) %k, %x : i32, i32\n} do {\n^bb0(%k: i32, %x: i32):\n%h = arith.shrsi %x, %c1 : i32\n"
      "%j = arith.addi %k, %c1 : i32\nscf.yield %h, %j : i32, i32\n}";
  auto count = [&](int32_t n) {
    int32_t out = -1;
    EXPECT_EQ(TestProgram(replaceAll(scalarKernel(body), "%out, %r", "%out, %r#0")).run(n, &out), "");
    return out;
  };
  EXPECT_EQ(count(0), 0);
  EXPECT_EQ(count(1), 1);
  EXPECT_EQ(count(1000), 10);
}

TEST(Checks, AssertStopsWithPlaceAndProgram) {
  TestProgram program("func.func @k(%n: i32) attributes {tile.kernel} {\n%x = tile.program_id 0 : i32\n"
                      "%ok = arith.cmpi slt, %x, %n : i32\n  tile.assert %ok, \"page out of range\" : i1\nreturn\n}");
  EXPECT_EQ(program.run({4, 1, 1}, {}, int32_t(3)),
            "test.mlir:4:3: error: assertion failed: page out of range (program (3, 0, 0))");
  EXPECT_EQ(program.run({3, 1, 1}, {}, int32_t(3)), "");
  Options options;
  options.asserts = false;
  EXPECT_EQ(program.run({4, 1, 1}, options, int32_t(3)), "");
}

TEST(Checks, BrokenPromises) {
  TestProgram program("func.func @k(%n: i32 {tile.divisibility = 4 : i64}) attributes {tile.kernel} {\n"
                      "%m = tile.assume %n divisible_by 8 : i32\nreturn\n}");
  EXPECT_EQ(program.run(int32_t(8)), "");
  EXPECT_EQ(program.run(int32_t(12)), "test.mlir:2:6: error: 12 is assumed to be a multiple of 8 (program (0, 0, 0))");
  EXPECT_EQ(program.run(int32_t(6)),
            "test.mlir:1:1: error: argument 0 is declared to be a multiple of 4, but is 6 (program (0, 0, 0))");
}

TEST(Checks, Print) {
  TestProgram program(
      "func.func @k(%n: i32) attributes {tile.kernel} {\n%f = arith.constant dense<[[1.5, -0.0], "
      "[0x7f800000, 2.0]]> : tensor<2x2xf32>\n"
      "%b = arith.constant true\n%p = arith.constant 255 : i8\n"
      "tile.print \"n\", %n, %f, %b, %p : i32, tensor<2x2xf32>, i1, i8\ntile.print \"done\"\nreturn\n}");
  std::string text;
  llvm::raw_string_ostream stream(text);
  Options options;
  options.printStream = &stream;
  EXPECT_EQ(program.run({2, 1, 1}, options, int32_t(-3)), "");
  EXPECT_EQ(
      text.substr(0, text.find("(1,")),
      "(0, 0, 0) n [i32] -3\n(0, 0, 0) n [tensor<2x2xf32>] 1.5 -0 inf 2\n(0, 0, 0) n [i1] 1\n(0, 0, 0) n [i8] -1\n"
      "(0, 0, 0) done\n");
  EXPECT_NE(text.find("(1, 0, 0) n [i32] -3\n"), std::string::npos);
}

TEST(Launch, Errors) {
  TestProgram program("func.func @k(%n: i32) attributes {tile.kernel} {\nreturn\n}\nfunc.func private @helper()");
  EXPECT_EQ(program.run(), "error: kernel 'k' takes 1 arguments, but 0 are given");
  auto name = [&](const char *kernel) { return llvm::toString(interpret(*program.module, kernel, {}, {1, 1, 1})); };
  EXPECT_EQ(name("missing"), "error: no kernel named 'missing'");
  EXPECT_EQ(name("helper"), "error: no kernel named 'helper'");
}

TEST(Launch, UnknownOperationsAreNamed) {
  TestProgram call(
      "func.func @k(%x: f32) attributes {tile.kernel} {\n%y = tile.extern_call @gelu(%x) : (f32) -> f32\nreturn\n}\n"
      "func.func private @gelu(f32) -> f32");
  EXPECT_NE(call.run(1.0f).find("test.mlir:2:6: error: device function 'gelu' has no host implementation"),
            std::string::npos);
  TestProgram unknown(
      "func.func @k(%x: i32) attributes {tile.kernel} {\n%y:2 = arith.mulsi_extended %x, %x : i32\nreturn\n}");
  EXPECT_EQ(unknown.run(int32_t(1)),
            "test.mlir:2:8: error: the interpreter does not know operation 'arith.mulsi_extended' (program (0, 0, 0))");
}

} // namespace
