#ifndef KILN_CONVERSION_TILETOCPU_PASSES
#define KILN_CONVERSION_TILETOCPU_PASSES

include "mlir/Pass/PassBase.td"

def TileSplitPointers : Pass<"tile-split-pointers"> {
  let summary = "Split tiles of pointers into one base pointer and a tile of offsets";
  let description = [{
    Rewrites every tile of pointers into `addptr(splat(base), offsets)` with one scalar base and 64-bit offsets, right where a memory
    operation uses it. Loops and branches carry the base and the offsets instead of the pointers, and a uniform step of all pointers
    moves only the base, so that offsets stay invariant in the usual pointer-increment loop. Each load and store gets the attribute `kiln.contiguity`:
    what the axis facts know of its pointers.

    ```mlir
    // before                                              // after
    %p = tile.addptr %tile_of_pointers, %step              %b1 = tile.addptr %base, %s : !tile.ptr<f16>, i64
         where %step = tile.splat %s                       // offsets unchanged
    ```
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::kiln::tile::TileDialect"];
}

def TileLowerMemory : Pass<"tile-lower-memory", "::mlir::ModuleOp"> {
  let summary = "Turn loads, stores, atomics, asserts and prints into loops over elements and vectors";
  let description = [{
    A tile access becomes a loop nest over its rows. Where the axis facts say that the last axis is contiguous, whole vectors move: without a
    condition where there is no mask, under one branch where the mask is constant along the axis, otherwise as a plain vector access
    when all lanes of the vector are on and lane by lane when some are off. Anything else is lane by lane. A lane that is off never
    touches memory.

    Offsets and masks are not materialised: the operations that define them are evaluated for the row or lane at hand. A tile that is loaded only to be the
    right operand of a dot with few rows is multiplied as it comes from memory, eight rows at a time, with later rows prefetched meanwhile. Expects the form that
    `tile-split-pointers` leaves.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "int64_t", "256", "width of a vector register of the target; an access moves up to eight">,
    Option<"checkBounds", "check-bounds", "bool", "false", "call kiln_cpu_check before each access, lane by lane">,
    Option<"asserts", "asserts", "bool", "false", "check tile.assert; otherwise it vanishes">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::bufferization::BufferizationDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect", "::mlir::vector::VectorDialect"];
}

def TileToLinalg : Pass<"convert-tile-to-linalg"> {
  let summary = "Turn the value operations of the tile dialect into linalg on tensors";
  let description = [{
    Shapes become indexing maps, dots become contractions, reductions with a known neutral element become `linalg.generic`; reductions with other
    combiners and scans become loops over scalars. Elementwise operations of `arith` and `math` on tensors are converted too.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def TileFuseElementwise : Pass<"tile-fuse-elementwise"> {
  let summary = "Fuse elementwise linalg operations and let them write over their operands";
  let description = [{
    Runs the upstream elementwise fusion under Kiln's cost rule: a producer is fused where none of its elements would be computed twice, or where
    computing it again costs next to nothing. Then every elementwise operation that has an operand of the result's type names
    it as its destination, so that bufferization can update in place, and every loop copies what it yields into the buffer
    that it carries, which the bufferization removes where the update was in place already.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect", "::mlir::linalg::LinalgDialect", "::mlir::tensor::TensorDialect"];
}

def TileBufferize : Pass<"tile-bufferize", "::mlir::ModuleOp"> {
  let summary = "One-shot bufferization of a kernel";
  let description = [{
    Upstream one-shot bufferization with identity layouts; copies of a buffer onto itself are removed.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect", "::mlir::memref::MemRefDialect"];
}

def TileVectorizeLinalg : Pass<"tile-vectorize-linalg"> {
  let summary = "Turn linalg operations on buffers into loops over vectors";
  let description = [{
    Elementwise operations run along their innermost axis, reductions along the axis they reduce if it is innermost and across the
    innermost one otherwise, contractions as register blocks: rows times columns of accumulators stay in registers while the
    contracted axis runs. An operand that is transposed in memory is read as it lies.
  }];
  let options = [
    Option<"vectorBits", "vector-bits", "int64_t", "256", "width of a vector register of the target">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def TileExpandNarrowFloats : Pass<"tile-expand-narrow-floats"> {
  let summary = "Turn arithmetic on bf16 into arithmetic on f32, and roundings without an instruction into integer arithmetic";
  let description = [{
    Operations of arith, math and vector that compute with bf16 widen their operands to f32 and round their results. Conversions from and to
    bf16, and from f64 to f16, become sequences on the bits that round once, to nearest even. Atomic additions of bf16 become loops around a
    compare-and-swap. What is left of bf16 moves values, and LLVM gets to see i16.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect"];
}

def TilePlanScratch : Pass<"tile-plan-scratch", "::mlir::ModuleOp"> {
  let summary = "Place every buffer of a kernel in one scratch area";
  let description = [{
    Replaces `memref.alloc` by views into one buffer that the kernel receives as its last argument. Buffers whose lifetimes do not overlap share their
    place. The size is left on the function as `kiln.scratch_bytes`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def TileKernelABI : Pass<"tile-kernel-abi", "::mlir::ModuleOp"> {
  let summary = "Give a kernel the calling convention of the CPU target";
  let description = [{
    The kernel becomes `i32 @name(ptr args, ptr program_info, ptr scratch, ptr context)`; parameters are read from the slots that
    `args` points to, program ids from `program_info`. A failed check (`cf.assert`) returns its code.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::cf::ControlFlowDialect"];
}

def TileCPUToLLVM : Pass<"tile-cpu-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Convert a lowered kernel to the LLVM dialect";
  let description = [{
    One conversion with the upstream patterns of arith, math, cf, func, index, memref, ub and vector.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif
