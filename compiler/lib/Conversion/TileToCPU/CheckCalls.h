//===- CheckCalls.h - Calls from generated code to the runtime --*- C++ -*-===//

#ifndef KILN_LIB_CONVERSION_TILETOCPU_CHECKCALLS_H
#define KILN_LIB_CONVERSION_TILETOCPU_CHECKCALLS_H

#include "kiln/Dialect/Tile/IR/Tile.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace kiln {

/// Names of the callbacks; all start with the same prefix, by which `tile-kernel-abi` finds the calls that want a
/// context.
inline constexpr llvm::StringLiteral kCallbackPrefix = "kiln_cpu_";

/// Emits calls of the runtime's callbacks (CPUTarget.h), without the leading context and program info that
/// `tile-kernel-abi` adds. A program is stopped by `cf.assert`, which is legal inside structured control flow; the same
/// pass makes a return of it.
class CheckCalls {
public:
  explicit CheckCalls(mlir::ModuleOp module) : module(module) {}

  /// Stops the program unless [pointer, pointer + bytes) may be accessed.
  void checkAccess(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value pointer, int64_t bytes,
                   llvm::StringRef access);
  mlir::LogicalResult lowerAssert(tile::AssertOp op);
  mlir::LogicalResult lowerPrint(tile::PrintOp op);

private:
  mlir::Value call(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name, mlir::ValueRange operands,
                   bool returnsCode);
  void stopUnlessZero(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value code);
  mlir::Value text(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef content);
  mlir::Value place(mlir::OpBuilder &builder, mlir::Location loc);

  mlir::ModuleOp module;
  llvm::StringMap<std::string> globals; // content -> symbol
};

} // namespace kiln

#endif // KILN_LIB_CONVERSION_TILETOCPU_CHECKCALLS_H
