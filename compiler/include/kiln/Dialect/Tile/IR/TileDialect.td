#ifndef KILN_DIALECT_TILE_DIALECT
#define KILN_DIALECT_TILE_DIALECT

include "mlir/IR/OpBase.td"

def TileDialect : Dialect {
  let name = "tile";
  let cppNamespace = "::kiln::tile";
  let summary = "Block-level tile programs";
  let description = [{
    A tile program is what one program of a launch grid does, written over whole tiles. Values are builtin scalars, builtin
    ranked tensors with static power-of-two dimensions, and pointers (`!tile.ptr<T>`) or tensors of them. Arithmetic is
    carried by `arith` and `math`, control flow by `scf`; this dialect adds what they lack: the identity of a program, shape
    manipulation without layouts, memory access through tensors of pointers with masks, contraction, reductions and scans,
    and atomics.

    A kernel is a `func.func` that carries the unit attribute `tile.kernel`, takes scalars and pointers, and returns nothing.
    A pointer argument may carry `tile.readonly` (read-only and unaliased for the whole launch) and `tile.divisibility = n`
    (the address in bytes; of an integer argument the value, is a multiple of n).

    `docs/semantics.md` states what every operation computes; the interpreter implements that page.
  }];
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerTypes();
  }];
  let hasConstantMaterializer = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect"];
}

#endif
