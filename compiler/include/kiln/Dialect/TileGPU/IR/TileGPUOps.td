#ifndef KILN_DIALECT_TILEGPU_OPS
#define KILN_DIALECT_TILEGPU_OPS

include "kiln/Dialect/Tile/IR/TileTypes.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def TileGPUDialect : Dialect {
  let name = "tile_gpu";
  let cppNamespace = "::kiln::tile_gpu";
  let summary = "What only a GPU has";
  let description = [{
    Tile programs that have been distributed over the threads of a program, and the machine operations of one thread.

    On the way to a GPU a kernel passes through two forms. In the first, tiles are still tensors, but their types carry a layout: which
    register of which lane of which warp holds which element.

    ```mlir
    #rows = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = [[0], [0]]>
    %x = tile.load %p : tensor<128x!tile.ptr<f32>, #rows> -> tensor<128xf32, #rows>
    ```

    In the second form there are no tiles: the function is what one thread does, on the scalars that it holds, and
    whatever only a thread of a GPU can do is a `tile_gpu.machine` operation.

    | attribute | on | meaning |
    | --- | --- | --- |
    | `tile_gpu.layout = #tile_gpu.layout<...>` | memory operations and `tile.dot` | the layout that a pass chose for what the operation accesses or yields |
    | `tile_gpu.shared_offset = n : i64` | operations that exchange data through shared memory | where their bytes start |
    | `tile_gpu.shared_bytes = n : i64` | kernel | the shared memory of a program |
    | `tile_gpu.shared_buffers = [...]` | kernel | who uses which part of it: dictionaries of `name`, `offset`, `bytes` and, where known, `line` |
    | `tile_gpu.accesses = [...]` | kernel, as code of threads | of each load, store and atomic what it became: how many bits one instruction moves, how often, and why not more |
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::kiln::tile::TileDialect"];
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

def TileGPU_LayoutAttr : AttrDef<TileGPUDialect, "Layout"> {
  let mnemonic = "layout";
  let summary = "the distribution of a tile over registers, lanes and warps";
  let description = [{
    A linear map over GF(2): each bit of the register number, of the lane (5 bits) and of the warp has a basis, the element that the bit
    contributes; the element of a register, lane and warp is the exclusive-or of the bases of the bits that are 1. A lane or warp
    basis of 0 means that the lanes or warps which differ in this bit hold the same elements. Register bases are not 0.

    ```mlir
    // 32 x 64 elements over 2 warps: 4 neighbours a thread, 16 threads a row, 2 rows a warp at a time; 2 warps have every second pair of rows.
    #l = #tile_gpu.layout<register = [[0, 1], [0, 2], [4, 0], [8, 0], [16, 0]],
                          lane = [[0, 4], [0, 8], [0, 16], [0, 32], [1, 0]], warp = [[2, 0]]>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, ArrayRefParameter<"uint64_t">:$bases, "unsigned":$registerBits,
                        "unsigned":$warpBits);
  let builders = [AttrBuilder<(ins "const ::kiln::LinearLayout &":$layout)>];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The map itself.
    ::kiln::LinearLayout getLinear() const;
    /// Elements that one thread holds.
    int64_t getNumRegisters() const { return int64_t(1) << getRegisterBits(); }
    int64_t getNumWarps() const { return int64_t(1) << getWarpBits(); }
  }];
}

//===----------------------------------------------------------------------===//
// Operations on tiles with layouts
//===----------------------------------------------------------------------===//

class TileGPU_Op<string mnemonic, list<Trait> traits = []> : Op<TileGPUDialect, mnemonic, traits>;

def TileGPU_ConvertLayoutOp : TileGPU_Op<"convert_layout", [Pure]> {
  let summary = "the same tile, distributed in another way";
  let description = [{
    ```mlir
    %y = tile_gpu.convert_layout %x : tensor<128xf32, #a> -> tensor<128xf32, #b>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$source);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def TileGPU_MmaOp : TileGPU_Op<"mma", [Pure, AllTypesMatch<["c", "result"]>]> {
  let summary = "matrix product with accumulation on tensor cores";
  let description = [{
    `a @ b + c`, as `tile.dot`, in the tiles of mma.sync m16n8. `warps` says how many warps share the rows and the columns of the
    result. f32 operands are rounded to TF32. Where the types have layouts, they are the ones that the instruction
    asks for.

    ```mlir
    %d = tile_gpu.mma %a, %b, %c warps [1, 4] : tensor<16x64xf16>, tensor<64x32xf16> -> tensor<16x32xf32>
    ```
  }];
  let arguments = (ins Tile_NumberTensor:$a, Tile_NumberTensor:$b, Tile_NumberTensor:$c, DenseI64ArrayAttr:$warps);
  let results = (outs Tile_NumberTensor:$result);
  let assemblyFormat = "$a `,` $b `,` $c `warps` $warps attr-dict `:` type($a) `,` type($b) `->` type($result)";
  let hasVerifier = 1;
}

def TileGPU_BarrierOp : TileGPU_Op<"barrier", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "all threads of the program wait for each other";
  let description = [{
    What they wrote to shared and global memory before it, all of them see after it.

    ```mlir
    tile_gpu.barrier
    ```
  }];
  let assemblyFormat = "attr-dict";
}

//===----------------------------------------------------------------------===//
// Operations of one thread
//===----------------------------------------------------------------------===//

def TileGPU_MachineOp : TileGPU_Op<"machine", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "one row of the table of machine operations";
  let description = [{
    `name` is a row of the table (MachineOps.h), which states the types of operands and results, the effects, and the PTX that it
    becomes.

    ```mlir
    %lane = tile_gpu.machine "tid.x"() : () -> i32
    ```
  }];
  let arguments = (ins StrAttr:$name, Variadic<AnyType>:$inputs);
  let results = (outs Variadic<AnyType>:$outputs);
  let assemblyFormat = "$name `(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs)";
  let hasVerifier = 1;
}

#endif
