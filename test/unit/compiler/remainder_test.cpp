// The function that the GPU target makes of arith.remf, compiled for this processor and compared with the C library.
#include "kiln/Conversion/TileGPUToLLVM/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/TargetSelect.h"

#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace mlir;

namespace {

/// "remainder", a function of two floats of the type, by way of tile-gpu-to-llvm.
class Remainder : public testing::Test {
protected:
  template <typename T>
  T (*compile(const std::string &type))(T, T) {
    DialectRegistry registry;
    registry.insert<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect>();
    registerBuiltinDialectTranslation(registry);
    registerLLVMDialectTranslation(registry);
    MLIRContext context(registry);
    OwningOpRef<ModuleOp> module =
        parseSourceString<ModuleOp>("func.func @remainder(%x: " + type + ", %y: " + type + ") -> " + type + " {\n" +
                                        "  %r = arith.remf %x, %y : " + type + "\n  return %r : " + type + "\n}\n",
                                    &context);
    PassManager passes(&context);
    passes.addPass(kiln::createTileGPUToLLVM());
    EXPECT_TRUE(succeeded(passes.run(*module)));
    auto llvmContext = std::make_unique<llvm::LLVMContext>();
    std::unique_ptr<llvm::Module> translated = translateModuleToLLVMIR(*module, *llvmContext);

    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
    llvm::cantFail(jit->addIRModule(llvm::orc::ThreadSafeModule(std::move(translated), std::move(llvmContext))));
    return llvm::cantFail(jit->lookup("remainder")).toPtr<T (*)(T, T)>();
  }

  std::unique_ptr<llvm::orc::LLJIT> jit;
};

template <typename T, typename Bits>
void compare(T (*remainder)(T, T)) {
  using Limits = std::numeric_limits<T>;
  auto check = [&](T x, T y) {
    T got = remainder(x, y), want = std::fmod(x, y);
    if (std::isnan(want))
      ASSERT_TRUE(std::isnan(got)) << x << " % " << y;
    else
      ASSERT_EQ(std::bit_cast<Bits>(got), std::bit_cast<Bits>(want)) << x << " % " << y;
  };
  const T special[] = {T(0),
                       T(1),
                       T(1.5),
                       T(3),
                       T(5.5),
                       T(1e10),
                       T(0.1),
                       Limits::min(),
                       Limits::max(),
                       Limits::denorm_min(),
                       3 * Limits::denorm_min(),
                       Limits::min() - Limits::denorm_min(),
                       Limits::infinity(),
                       Limits::quiet_NaN()};
  for (T x : special)
    for (T y : special)
      for (T signX : {T(1), T(-1)})
        for (T signY : {T(1), T(-1)})
          check(signX * x, signY * y);
  std::mt19937_64 random(7);
  for (int i = 0; i < 100000; ++i) {
    T x = std::bit_cast<T>(static_cast<Bits>(random())), y = std::bit_cast<T>(static_cast<Bits>(random()));
    check(x, y);
    check(x, x + y);                                               // a quotient near one
    check(T(static_cast<int>(random() % 1000)), T(random() % 37)); // whole numbers
  }
}

} // namespace

TEST_F(Remainder, OfFloatIsThatOfTheCLibrary) { compare<float, uint32_t>(compile<float>("f32")); }

TEST_F(Remainder, OfDoubleIsThatOfTheCLibrary) { compare<double, uint64_t>(compile<double>("f64")); }
