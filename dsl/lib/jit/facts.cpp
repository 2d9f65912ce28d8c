#include "jit/facts.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

#include <numeric>

using namespace kiln;
using namespace kiln::jit;

namespace {

mlir::func::FuncOp kernel_of(mlir::ModuleOp module) {
  for (auto function : module.getOps<mlir::func::FuncOp>())
    if (tile::isKernel(function))
      return function;
  return {};
}

} // namespace

Facts jit::specialise(mlir::ModuleOp module, std::int64_t pointer_alignment) {
  Facts facts;
  mlir::func::FuncOp function = kernel_of(module);
  mlir::Builder builder(module.getContext());
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    const mlir::Type type = function.getArgumentTypes()[i];
    const bool pointer = llvm::isa<tile::PtrType>(type);
    std::int64_t divisor = pointer ? pointer_alignment : 1;
    if (auto declared = function.getArgAttrOfType<mlir::IntegerAttr>(i, tile::kDivisibilityAttr))
      divisor = std::lcm(divisor, declared.getInt());
    if (divisor == 1)
      continue;
    function.setArgAttr(i, tile::kDivisibilityAttr, builder.getI64IntegerAttr(divisor));
    const unsigned bits = pointer ? 64 : type.getIntOrFloatBitWidth();
    facts.add({static_cast<std::uint16_t>(i), static_cast<std::uint8_t>(bits / 8), divisor});
  }
  return facts;
}

void jit::generalise(mlir::ModuleOp module) {
  mlir::func::FuncOp function = kernel_of(module);
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    function.removeArgAttr(i, tile::kDivisibilityAttr);
}
