//===- Control.cpp - Loops and branches -----------------------------------===//

#include "Machine.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace kiln::interp;

namespace {

llvm::Error runFor(Machine &machine, Operation *op) {
  auto loop = cast<scf::ForOp>(op);
  if (loop.getUnsignedCmp())
    return machine.error(op, "the interpreter does not know loops with unsigned bounds");
  Format format = getFormat(loop.getInductionVar().getType());
  int64_t upper = toSigned(format, machine.getScalar(loop.getUpperBound()));
  int64_t step = toSigned(format, machine.getScalar(loop.getStep()));
  if (step <= 0)
    return machine.error(op, "the step of a loop must be positive");
  machine.assign(loop.getRegionIterArgs(), loop.getInitArgs());
  for (int64_t i = toSigned(format, machine.getScalar(loop.getLowerBound())); i < upper;) {
    machine.set(loop.getInductionVar(), Elements{truncate(format, i)});
    if (llvm::Error failure = machine.run(*loop.getBody()))
      return failure;
    machine.assign(loop.getRegionIterArgs(), loop.getBody()->getTerminator()->getOperands());
    int64_t next;
    if (__builtin_add_overflow(i, step, &next) || toSigned(format, truncate(format, next)) != next)
      return machine.error(op, "the induction variable of a loop overflows");
    i = next;
  }
  machine.assign(loop.getResults(), loop.getRegionIterArgs());
  return llvm::Error::success();
}

llvm::Error runIf(Machine &machine, Operation *op) {
  auto branch = cast<scf::IfOp>(op);
  Block *block = machine.getScalar(branch.getCondition()) ? branch.thenBlock() : branch.elseBlock();
  if (!block)
    return llvm::Error::success();
  if (llvm::Error failure = machine.run(*block))
    return failure;
  machine.assign(branch.getResults(), block->getTerminator()->getOperands());
  return llvm::Error::success();
}

llvm::Error runWhile(Machine &machine, Operation *op) {
  auto loop = cast<scf::WhileOp>(op);
  machine.assign(loop.getBeforeArguments(), loop.getInits());
  while (true) {
    if (llvm::Error failure = machine.run(*loop.getBeforeBody()))
      return failure;
    scf::ConditionOp condition = loop.getConditionOp();
    if (!machine.getScalar(condition.getCondition())) {
      machine.assign(loop.getResults(), condition.getArgs());
      return llvm::Error::success();
    }
    machine.assign(loop.getAfterArguments(), condition.getArgs());
    if (llvm::Error failure = machine.run(*loop.getAfterBody()))
      return failure;
    machine.assign(loop.getBeforeArguments(), loop.getYieldOp().getOperands());
  }
}

} // namespace

void kiln::interp::registerControlHandlers(Handlers &handlers) {
  handlers.add<scf::ForOp>(runFor);
  handlers.add<scf::IfOp>(runIf);
  handlers.add<scf::WhileOp>(runWhile);
}
