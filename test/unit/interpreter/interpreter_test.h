// Runs textual tile programs for tests.
#pragma once

#include "kiln/Dialect/Tile/IR/Tile.h"
#include "kiln/Interpreter/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "gtest/gtest.h"
#include <functional>

namespace kiln::interp {

/// A parsed program. Kernels are named "k".
class TestProgram {
public:
  explicit TestProgram(const std::string &text, const std::function<void(mlir::OpPassManager &)> &addPasses = {}) {
    context.loadDialect<tile::TileDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect,
                        mlir::scf::SCFDialect, mlir::ub::UBDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context), "test.mlir");
    EXPECT_TRUE(module) << text;
    if (module && addPasses) {
      mlir::PassManager manager(&context);
      addPasses(manager);
      EXPECT_TRUE(mlir::succeeded(manager.run(*module)));
    }
  }

  /// Runs with arguments given as the parameters' values; a pointer is an address. Returns the error, or nothing.
  template <typename... Args>
  std::string run(std::array<uint32_t, 3> grid, const Options &options, Args... args) {
    if (!module)
      return "not parsed";
    std::vector<const void *> pointers = {&args...};
    llvm::Error failure = interpret(*module, "k", pointers, grid, options);
    return failure ? llvm::toString(std::move(failure)) : "";
  }
  template <typename... Args>
  std::string run(Args... args) {
    return run({1, 1, 1}, {}, args...);
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

inline std::string replaceAll(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// The size in bytes of an element type given by its name.
inline size_t elementBytes(const std::string &type) {
  if (type == "i1")
    return 1;
  size_t digits = type.find_first_of("0123456789");
  return std::max(1, std::stoi(type.substr(digits)) / 8);
}

/// What `operation` yields for each element. It reads its operands as %0, %1, ... and writes T where its tensors' shape
/// stands, as in "arith.addi %0, %1 : tensor<Txi8>". Elements are bits. `error` receives the error, if any.
inline std::vector<uint64_t> apply(const std::string &operation, const std::vector<std::string> &types,
                                   const std::string &resultType, const std::vector<std::vector<uint64_t>> &operands,
                                   const std::function<void(mlir::OpPassManager &)> &addPasses = {},
                                   std::string *error = nullptr) {
  size_t count = operands[0].size(), size = llvm::PowerOf2Ceil(count);
  std::string parameters, body = "%i = tile.arange 0 to T : tensor<Txi32>\n";
  std::vector<std::vector<char>> buffers;
  for (size_t i = 0; i < types.size(); ++i) {
    std::string n = std::to_string(i), pointer = "!tile.ptr<" + types[i] + ">", tensor = "tensor<Tx" + pointer + ">";
    parameters += "%p" + n + ": " + pointer + ", ";
    body += "%s" + n + " = tile.splat %p" + n + " : " + pointer + " -> " + tensor + "\n%a" + n + " = tile.addptr %s" +
            n + ", %i : " + tensor + ", tensor<Txi32>\n%" + n + " = tile.load %a" + n + " : " + tensor +
            " -> tensor<Tx" + types[i] + ">\n";
    buffers.emplace_back(size * elementBytes(types[i]));
    for (size_t k = 0; k < size; ++k) // the tail repeats the first elements
      std::memcpy(&buffers.back()[k * elementBytes(types[i])], &operands[i][k % count], elementBytes(types[i]));
  }
  std::string pointer = "!tile.ptr<" + resultType + ">", tensor = "tensor<Tx" + pointer + ">";
  std::string text = "func.func @k(" + parameters + "%out: " + pointer + ") attributes {tile.kernel} {\n" + body +
                     "%r = " + operation + "\n%so = tile.splat %out : " + pointer + " -> " + tensor +
                     "\n%ao = tile.addptr %so, %i : " + tensor + ", tensor<Txi32>\ntile.store %ao, %r : " + tensor +
                     "\nreturn\n}\n";
  text = replaceAll(text, "<Tx", "<" + std::to_string(size) + "x");
  TestProgram program(replaceAll(text, "to T ", "to " + std::to_string(size) + " "), addPasses);
  buffers.emplace_back(size * elementBytes(resultType));
  std::vector<void *> addresses;
  std::vector<const void *> slots;
  for (auto &buffer : buffers)
    addresses.push_back(buffer.data());
  for (auto &address : addresses)
    slots.push_back(&address);
  if (!program.module)
    return {};
  llvm::Error failure = interpret(*program.module, "k", slots, {1, 1, 1});
  std::string message = failure ? llvm::toString(std::move(failure)) : "";
  if (error)
    *error = message;
  else
    EXPECT_EQ(message, "");
  std::vector<uint64_t> result(count, 0);
  for (size_t k = 0; k < count; ++k)
    std::memcpy(&result[k], &buffers.back()[k * elementBytes(resultType)], elementBytes(resultType));
  return result;
}

inline uint64_t bits(float value) { return llvm::bit_cast<uint32_t>(value); }
inline uint64_t bits(double value) { return llvm::bit_cast<uint64_t>(value); }
inline float asFloat(uint64_t bits) { return llvm::bit_cast<float>(uint32_t(bits)); }

} // namespace kiln::interp
