//===- emulation_test.h - Kernels through the GPU's passes, against the interpreter ----------------------===//
#pragma once

#include "Interpreter/Machine.h"
#include "emulated/launch.h"
#include "jit/emulated_code.h"

#include "kiln/Conversion/TileToGPU/Pipelines.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Interpreter/Interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "gtest/gtest.h"

namespace kiln {

/// Runs one program of the only kernel of `module`, code of one thread, which is compiled in place. The parameters have
/// the values `arguments`. Empty, or what went wrong.
inline std::string emulate(mlir::ModuleOp module, llvm::ArrayRef<uint64_t> arguments,
                           llvm::ArrayRef<test::EmulatedBuffer> buffers, unsigned capability = 90) {
  llvm::StringRef arch = capability == 90 ? "sm_90a" : "sm_80";
  emulator::Options options;
  options.execute = runtime::emulator_execute;
  auto kernel = emulator::compile(module, llvm::cantFail(gpu::GPUTarget::parse(arch)), options);
  if (!kernel)
    return llvm::toString(kernel.takeError());
  llvm::SmallVector<const void *> pointers;
  for (const uint64_t &argument : arguments)
    pointers.push_back(&argument);
  return test::launch_emulated(jit::emulated_code(**kernel, "k", arch.str(), ""), {1, 1, 1}, pointers, buffers);
}

/// A kernel named "k", as the interpreter runs it and as the threads of a GPU do.
class EmulationTest {
public:
  explicit EmulationTest(const std::string &text, unsigned capability = 90) : capability(capability) {
    TileToGPUOptions options;
    options.capability = capability;
    options.checkExchanges = true;
    context.loadDialect<tile::TileDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect,
                        mlir::scf::SCFDialect, mlir::ub::UBDialect>();
    context.printOpOnDiagnostic(false);
    source = mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context), "test.mlir");
    lowered = mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context), "test.mlir");
    EXPECT_TRUE(source && lowered) << text;
    if (!lowered)
      return;
    mlir::PassManager manager(&context);
    buildTileToGPULayoutsPipeline(manager, options);
    buildTileToGPUThreadsPipeline(manager, options);
    isLowered = mlir::succeeded(manager.run(*lowered));
    EXPECT_TRUE(isLowered) << text;
  }

  /// Buffers in the order of the kernel's parameters, which are pointers.
  using Buffers = std::vector<std::vector<uint8_t>>;

  /// What the buffers hold after one program, by the interpreter.
  Buffers interpret(Buffers buffers) {
    std::vector<void *> addresses;
    std::vector<const void *> arguments;
    for (std::vector<uint8_t> &buffer : buffers)
      addresses.push_back(buffer.data());
    for (void *&address : addresses)
      arguments.push_back(&address);
    if (llvm::Error error = interp::interpret(*source, "k", arguments, {1, 1, 1}))
      ADD_FAILURE() << llvm::toString(std::move(error));
    return buffers;
  }

  /// The same, by the threads.
  Buffers emulate(Buffers buffers) {
    if (!isLowered)
      return buffers;
    std::vector<uint64_t> arguments;
    std::vector<test::EmulatedBuffer> known;
    for (std::vector<uint8_t> &buffer : buffers) {
      known.push_back({buffer.data(), buffer.size()});
      arguments.push_back(uint64_t(buffer.data()));
    }
    mlir::OwningOpRef<mlir::ModuleOp> code = lowered->clone();
    EXPECT_EQ(kiln::emulate(*code, arguments, known, capability), "");
    return buffers;
  }

  std::string print() {
    std::string text;
    llvm::raw_string_ostream os(text);
    lowered->print(os);
    return text;
  }

  const unsigned capability;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> source, lowered;
  bool isLowered = false;
};

} // namespace kiln
