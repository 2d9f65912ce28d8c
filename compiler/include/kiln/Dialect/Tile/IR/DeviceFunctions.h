//===- DeviceFunctions.h - What code calls of device functions --*- C++ -*-===//
//
// A device function has scalars of any type of number. What a thread calls is a function that passes on every argument
// and result as a word: an i32 with the bits of an integer or float of up to 32 bits in front of zeros, f32, i64 or
// f64. So all who make code for the function agree on how it is called, whatever they do with 8 and 16 bits. Several
// results are a struct.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_DIALECT_TILE_IR_DEVICEFUNCTIONS_H
#define KILN_DIALECT_TILE_IR_DEVICEFUNCTIONS_H

#include "mlir/IR/BuiltinTypes.h"

namespace kiln::tile {

/// In front of the symbol of a device function: the function of words.
inline constexpr llvm::StringLiteral kDeviceFunctionPrefix = "kiln_device_";

/// In front of the symbol: what calls a host implementation for arrays of elements,
/// `void call(const void *callable, int64_t count, const void *const *arguments, void *const *results)`. An i1 takes a
/// byte.
inline constexpr llvm::StringLiteral kHostCallPrefix = "kiln_host_call_";
/// In front of the symbol: the address of its `callable`.
inline constexpr llvm::StringLiteral kHostCallablePrefix = "kiln_host_callable_";

/// The word that carries a scalar.
inline mlir::Type getWordType(mlir::Type scalar) {
  unsigned bits = scalar.getIntOrFloatBitWidth();
  return scalar.isF32() || bits == 64 ? scalar : mlir::IntegerType::get(scalar.getContext(), 32);
}

} // namespace kiln::tile

#endif // KILN_DIALECT_TILE_IR_DEVICEFUNCTIONS_H
