#include "kiln/Target/NVPTX/EmitPTX.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

using namespace mlir;
using namespace kiln::gpu;

namespace {

constexpr const char *kGood = R"(
  llvm.func @good(%p: i64, %x: f32) attributes {nvvm.kernel, nvvm.reqntid = array<i32: 64>} {
    %0 = llvm.inttoptr %p : i64 to !llvm.ptr<1>
    llvm.store %x, %0 : f32, !llvm.ptr<1>
    llvm.return
  })";

/// Has no instruction, which LLVM finds out in the middle of code generation.
constexpr const char *kBad = R"(
  llvm.func @bad(%p: !llvm.ptr<1>, %x: f64) attributes {nvvm.kernel} {
    %0 = llvm.intr.sin(%x) : (f64) -> f64
    llvm.store %0, %p : f64, !llvm.ptr<1>
    llvm.return
  })";

/// The PTX or the error.
std::string emit(const char *text, const char *arch) {
  MLIRContext context;
  context.loadDialect<LLVM::LLVMDialect>();
  context.allowUnregisteredDialects();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  llvm::Expected<std::string> ptx = emitPTX(*module, llvm::cantFail(GPUTarget::parse(arch)));
  return ptx ? *ptx : llvm::toString(ptx.takeError());
}

} // namespace

TEST(EmitPTX, IsTheSameEveryTime) {
  std::string first = emit(kGood, "sm_90a");
  EXPECT_NE(first.find(".entry good("), std::string::npos) << first;
  EXPECT_NE(first.find(".reqntid 64"), std::string::npos) << first;
  EXPECT_EQ(emit(kGood, "sm_90a"), first);
}

TEST(EmitPTX, SurvivesFatalErrorsInSeveralThreads) {
  std::string good = emit(kGood, "sm_80");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([i, &good] {
      for (int round = 0; round < 4; ++round) {
        if ((i + round) % 2)
          EXPECT_EQ(emit(kGood, "sm_80"), good);
        else
          EXPECT_EQ(emit(kBad, "sm_80").find("kernel 'bad' for sm_80: LLVM stopped: Cannot select"), 0u);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}
