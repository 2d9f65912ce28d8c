#ifndef KILN_DIALECT_TILE_TRANSFORMS_PASSES
#define KILN_DIALECT_TILE_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def CheckMode : Pass<"tile-check-mode", "::mlir::ModuleOp"> {
  let summary = "insert the checks of check mode, or remove what is for it alone";
  let description = [{
    In check mode a `tile.assert` with `check_mode` becomes an ordinary one, and in front of each access whose offsets are computed in 32 bits there is
    a `tile.assert` that they do not wrap, in lanes that are on. One in front of each `scf.for` says that its last step does not overflow. Otherwise those with `check_mode` go, and with them what only they used.
  }];
  let options = [
    Option<"enable", "enable", "bool", "false", "check mode is on">
  ];
  let dependentDialects = ["::kiln::tile::TileDialect", "::mlir::arith::ArithDialect"];
}

def ExpandFp8 : Pass<"tile-expand-fp8", "::mlir::ModuleOp"> {
  let summary = "turn fp8 values into bytes and their conversions into integer arithmetic";
  let description = [{
    After this pass no fp8 type is left: values, tiles and pointers of f8E4M3FN and f8E5M2 are of i8, in functions, loops and branches too.
    `arith.extf` and `arith.truncf` become exact sequences on the bits (round to nearest even; what is too large becomes NaN in
    f8E4M3FN and infinity in f8E5M2, as `arith.truncf` means it), operands of `tile.dot` and `tile.print` become f32. Any other arithmetic on
    fp8 is an error.

    For a GPU, operands of `tile.dot` become f16, which its tensor cores multiply as exactly. One of compute capability 8.9 or more
    converts by itself: there `arith.extf` of tiles to f16 or f32 and `arith.truncf` of tiles of f32 remain, each beside the `tile.bitcast`
    between i8 and fp8.
  }];
  let options = [
    Option<"capability", "capability", "unsigned", "0", "compute capability of a GPU, 10 * major + minor; 0 for a CPU">
  ];
  let dependentDialects = ["::kiln::tile::TileDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def ExpandMath : Pass<"tile-expand-math"> {
  let summary = "expand mathematical functions of f32 into arithmetic";
  let description = [{
    Replaces `math.exp`, `exp2`, `log`, `log2`, `sin`, `cos`, `tanh` and `erf` of f32 scalars, vectors and tensors by branch-free sequences of `arith`
    operations and `math.fma`, which every target vectorises, and `math.rsqrt` of any type by `1 / sqrt(x)`. Functions of f64 are left alone;
    functions of f16 and bf16 do not reach this pass, because the language computes them in f32. docs/semantics.md states the bounds; measured
    over all f32 (every 101st) against double precision, in ulp:

    | exp2 | exp | log | log2 | sin, cos (\|x\| <= 2^20) | tanh | erf |
    |---|---|---|---|---|---|---|
    | 0.94 | 1.0 | 0.84 | 0.97 | 2.1 | 1.4 | 2.4 |

    Subnormal operands and results, infinities, NaN and signed zeros are handled as docs/semantics.md says.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def SettleAsserts : Pass<"tile-settle-asserts", "::mlir::ModuleOp"> {
  let summary = "remove asserts, or have promises checked beside them";
  let description = [{
    Where asserts are on, each `tile.assume` becomes `checked`: it has an effect then, and is not moved to where the program does not come. Otherwise each
    `tile.assert` goes, and with it what holds loads back behind it.
  }];
  let options = [
    Option<"asserts", "asserts", "bool", "false", "asserts are on">
  ];
}

def RemoveOverlap : Pass<"tile-remove-overlap", "::mlir::ModuleOp"> {
  let summary = "make kernels that overlap with other launches ones that do not";
  let description = [{
    For the CPU and for GPUs before sm_90, where a launch starts when those before it in its stream have ended: `tile.wait_for_launches` and
    `tile.launch_dependents` go, and with `tile.overlaps` the doubts about `tile.readonly` memory.
  }];
}

#endif
