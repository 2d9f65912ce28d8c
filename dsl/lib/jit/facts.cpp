#include "jit/facts.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

#include <cstring>
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

template <class T>
std::int64_t read_as(const void *value) {
  T result;
  std::memcpy(&result, value, sizeof result);
  return static_cast<std::int64_t>(result);
}

std::int64_t read_integer(const void *value, unsigned bytes) {
  switch (bytes) {
  case 1:
    return read_as<std::int8_t>(value);
  case 2:
    return read_as<std::int16_t>(value);
  case 4:
    return read_as<std::int32_t>(value);
  default:
    return read_as<std::int64_t>(value);
  }
}

} // namespace

bool Facts::holds(const Fact &fact, const void *value) {
  const std::int64_t number = read_integer(value, fact.bytes);
  // A division takes longer than the rest of the look-up; nearly every divisor is a power of two.
  if ((fact.divisor & (fact.divisor - 1)) == 0)
    return (number & (fact.divisor - 1)) == 0;
  return number % fact.divisor == 0;
}

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
    facts.facts_.push_back({static_cast<std::uint16_t>(i), static_cast<std::uint8_t>(bits / 8), divisor});
  }
  return facts;
}

void jit::generalise(mlir::ModuleOp module) {
  mlir::func::FuncOp function = kernel_of(module);
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    function.removeArgAttr(i, tile::kDivisibilityAttr);
}
