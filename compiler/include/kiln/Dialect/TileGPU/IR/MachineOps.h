//===- MachineOps.h - The table of machine operations -----------*- C++ -*-===//
//
// Everything that a thread of a GPU can do beyond arithmetic is one row of this table: special registers, barriers,
// exchanges between lanes, tensor cores, accesses to global and shared memory, atomics. A row says how the operation is
// typed, what it does to memory, and what it becomes. Thread-level IR uses a row through `tile_gpu.machine
// "name"(...)`. docs/reference/machine-operations.md lists the rows.
//
// Conventions of all rows:
//  * Addresses of global memory are i64, addresses of shared memory i32; the address is the first operand.
//  * A row whose name ends in ".pred" has an i1 as its second operand. Where it is 0, nothing touches memory: a load
//    yields its other operands, one for each result; an atomic yields zero.
//  * Registers are integers of their width (b32 is i32, also where it holds two halves); only operations that compute
//    with a float take one.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_DIALECT_TILEGPU_IR_MACHINEOPS_H
#define KILN_DIALECT_TILEGPU_IR_MACHINEOPS_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace kiln::tile_gpu {

enum class MachineType : uint8_t { I1, I8, I16, I32, I64, F16, BF16, F32, F64 };

/// What a row does to memory. Sync orders the accesses of several threads: no access moves across it.
enum class MachineEffect : uint8_t { None, Read, Write, ReadWrite, Sync };

/// Which memory it does that to.
enum class MachineSpace : uint8_t { None, Global, Shared, Both };

/// How a row is spelled for the NVPTX backend.
enum class MachineForm : uint8_t {
  Intrinsic,  ///< `text` names an llvm.nvvm intrinsic; several results come as a struct
  Assembly,   ///< `text` is a PTX template with `constraints`; results are numbered first, then operands
  Load,       ///< a load instruction of LLVM from `space`
  Store,      ///< a store instruction of LLVM to `space`
  Bits,       ///< the bits of the operands in other registers, the first register lowest
  SharedBase, ///< the address of the kernel's shared memory
  Check,     ///< of the emulator: the elements of an exchange, which the string attribute `exchange` names, as pairs of
             ///< i32 (which element) and i64 (its bits); nothing on a GPU
  Print,     ///< vprintf: attribute `format` (string), any number of operands of type i32, i64 or f64
  AssertFail ///< __assertfail of an element's index, or of none: attributes `message`, `file`, `function` (strings) and
             ///< `line` (integer)
};

/// How an i32 or i64 of a row is handed to an intrinsic that wants another type.
enum class MachineCast : uint8_t { None, Half2, SharedPointer, GlobalPointer };

struct MachineRow {
  std::string name;
  llvm::SmallVector<MachineType, 4> operands;
  llvm::SmallVector<MachineType, 4> results;
  MachineEffect effect = MachineEffect::None;
  MachineSpace space = MachineSpace::None;
  /// All threads of a warp, or of the program, execute it together.
  bool convergent = false;
  /// A load from memory that nobody writes during the launch.
  bool invariant = false;
  /// The lowest compute capability and the lowest PTX version that have it, as 10 * major + minor.
  unsigned capability = 80;
  unsigned ptx = 70;

  MachineForm form = MachineForm::Intrinsic;
  std::string text;
  std::string constraints;
  /// Of the operands of an intrinsic and then of its result; those left out are None.
  llvm::SmallVector<MachineCast, 4> casts;
  /// i32 constants that an intrinsic takes after the operands.
  llvm::SmallVector<int32_t, 1> immediates;

  bool isPredicated() const { return llvm::StringRef(name).ends_with(".pred"); }
};

/// The row of that name, or null.
const MachineRow *lookupMachineOp(llvm::StringRef name);

/// All rows, related ones together.
llvm::ArrayRef<MachineRow> machineRows();

/// The type of a value of thread-level IR.
mlir::Type getType(MachineType type, mlir::MLIRContext *context);

/// Builds a machine operation with its results typed by the table. `name` must be a row.
mlir::ValueRange createMachineOp(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                                 mlir::ValueRange operands, llvm::ArrayRef<mlir::NamedAttribute> attributes = {});

/// Prints the table as the page of the reference.
void printMachineRows(llvm::raw_ostream &os);

} // namespace kiln::tile_gpu

#endif // KILN_DIALECT_TILEGPU_IR_MACHINEOPS_H
