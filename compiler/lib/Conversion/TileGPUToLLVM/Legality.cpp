//===- Legality.cpp - What the NVPTX backend can select -------------------===//

#include "Steps.h"

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kiln;

StringRef kiln::libdeviceFunction(Operation *op) {
  if (op->getNumResults() != 1 || !op->getResult(0).getType().isF64())
    return {};
  return llvm::TypeSwitch<Operation *, StringRef>(op)
      .Case<math::ExpOp>([](auto) { return "__nv_exp"; })
      .Case<math::Exp2Op>([](auto) { return "__nv_exp2"; })
      .Case<math::LogOp>([](auto) { return "__nv_log"; })
      .Case<math::Log2Op>([](auto) { return "__nv_log2"; })
      .Case<math::SinOp>([](auto) { return "__nv_sin"; })
      .Case<math::CosOp>([](auto) { return "__nv_cos"; })
      .Case<math::TanhOp>([](auto) { return "__nv_tanh"; })
      .Case<math::ErfOp>([](auto) { return "__nv_erf"; })
      .Default(StringRef());
}

/// Functions that are one instruction or a few.
static bool hasInstruction(Operation *op) {
  return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp, math::CountLeadingZerosOp,
             math::CountTrailingZerosOp, math::CtPopOp, math::FloorOp, math::FmaOp, math::RoundOp, math::RoundEvenOp,
             math::RsqrtOp, math::SqrtOp, math::TruncOp>(op);
}

static bool hasRegister(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return llvm::is_contained({1u, 8u, 16u, 32u, 64u}, integer.getWidth());
  return type.isIndex() || type.isF16() || type.isBF16() || type.isF32() || type.isF64() ||
         LLVM::isCompatibleType(type);
}

static LogicalResult checkMachineOp(tile_gpu::MachineOp op, unsigned capability) {
  const tile_gpu::MachineRow *row = tile_gpu::lookupMachineOp(op.getName());
  if (row->capability > capability)
    return op.emitOpError() << "'" << row->name << "' needs sm_" << row->capability
                            << " or later, but the target is sm_" << capability;
  return success();
}

static LogicalResult checkOperation(Operation *op, unsigned capability, bool libdevice) {
  if (auto machine = dyn_cast<tile_gpu::MachineOp>(op))
    return checkMachineOp(machine, capability);
  if (isa<ModuleOp, func::FuncOp>(op))
    return success();
  if (isa<math::MathDialect>(op->getDialect()) && !hasInstruction(op)) {
    if (libdeviceFunction(op).empty())
      return op->emitOpError() << "of type " << op->getResult(0).getType() << " has no instruction on a GPU";
    if (!libdevice)
      return op->emitOpError()
             << "of type " << op->getResult(0).getType()
             << " needs NVIDIA's libdevice, which was not found; CUDA_HOME says where the CUDA toolkit is";
    return success();
  }
  if (!isa<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect, index::IndexDialect, LLVM::LLVMDialect,
           math::MathDialect, ub::UBDialect>(op->getDialect()) ||
      isa<cf::AssertOp, arith::ScalingExtFOp, arith::ScalingTruncFOp>(op))
    return op->emitOpError("has no instruction on a GPU");
  for (Type type :
       llvm::concat<const Type>(SmallVector<Type>(op->getOperandTypes()), SmallVector<Type>(op->getResultTypes())))
    if (!hasRegister(type))
      return op->emitOpError() << "has the type " << type << ", for which a GPU has no register";
  return success();
}

LogicalResult kiln::checkLegality(ModuleOp module, unsigned capability, bool libdevice) {
  bool legal = true;
  module.walk([&](Operation *op) { legal &= succeeded(checkOperation(op, capability, libdevice)); });
  return success(legal);
}
