//===- Machine.h - The state of a program -----------------------*- C++ -*-===//
//
// A value is the bits of its elements in row-major order; its shape is that of its MLIR type. Operations are
// interpreted by handlers, one for each kind of operation, which the files of this directory register by family.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LIB_INTERPRETER_MACHINE_H
#define KILN_LIB_INTERPRETER_MACHINE_H

#include "Element.h"

#include "kiln/Interpreter/Interpreter.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"
#include <functional>
#include <memory>
#include <vector>

namespace kiln::interp {

using Elements = std::vector<uint64_t>;
/// Values are shared, never changed.
using ElementsRef = std::shared_ptr<const Elements>;

/// Computes one element of a result from the same elements of the operands. May set `fault` to say why there is no
/// result.
using ElementFunction = std::function<uint64_t(const uint64_t *operands, const char *&fault)>;

class Machine;
using Handler = llvm::Error (*)(Machine &, mlir::Operation *);
using ElementFunctionMaker = ElementFunction (*)(mlir::Operation *);

/// What is known about each kind of operation.
struct Handlers {
  llvm::DenseMap<mlir::TypeID, Handler> operations;
  llvm::DenseMap<mlir::TypeID, ElementFunctionMaker> elementwise;

  template <typename Op>
  void add(Handler handler) {
    operations[mlir::TypeID::get<Op>()] = handler;
  }
  template <typename Op>
  void addElementwise(ElementFunctionMaker maker) {
    elementwise[mlir::TypeID::get<Op>()] = maker;
  }
};

void registerIntegerHandlers(Handlers &handlers);
void registerFloatHandlers(Handlers &handlers);
void registerShapeHandlers(Handlers &handlers);
void registerMemoryHandlers(Handlers &handlers);
void registerCombineHandlers(Handlers &handlers);
void registerControlHandlers(Handlers &handlers);
void registerCheckHandlers(Handlers &handlers);

/// The number of elements of a value of `type`.
size_t countElements(mlir::Type type);

class Machine {
public:
  Machine(const Handlers &handlers, const Options &options, std::array<uint32_t, 3> grid)
      : options(options), grid(grid), handlers(handlers) {}

  const Options &options;
  std::array<uint32_t, 3> grid, program = {0, 0, 0};

  ElementsRef getShared(mlir::Value value) const;
  const Elements &get(mlir::Value value) const { return *values.find(value)->second; }
  uint64_t getScalar(mlir::Value value) const { return get(value).front(); }
  void set(mlir::Value value, Elements elements) {
    values[value] = std::make_shared<const Elements>(std::move(elements));
  }
  void set(mlir::Value value, ElementsRef elements) { values[value] = std::move(elements); }

  /// Runs the operations of `block` except its terminator.
  llvm::Error run(mlir::Block &block);
  /// Copies the values of `from` to `to`, as if at once.
  void assign(mlir::ValueRange to, mlir::ValueRange from);

  /// An error at the place of `op` in the source, in this program.
  llvm::Error error(mlir::Operation *op, const llvm::Twine &message) const;

private:
  llvm::Error run(mlir::Operation *op);
  llvm::Error runElementwise(mlir::Operation *op, const ElementFunction &function);

  const Handlers &handlers;
  llvm::DenseMap<mlir::Value, ElementsRef> values;
};

} // namespace kiln::interp

#endif // KILN_LIB_INTERPRETER_MACHINE_H
