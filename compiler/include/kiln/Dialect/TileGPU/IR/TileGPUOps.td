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
    | `tile_gpu.shared_offset = n : i64` | operations that exchange data through shared memory, `tile_gpu.alloc_ring` | where their bytes start |
    | `tile_gpu.shared_bytes = n : i64` | kernel | the shared memory of a program |
    | `tile_gpu.shared_buffers = [...]` | kernel | who uses which part of it: dictionaries of `name`, `offset`, `bytes` and, where known, `line` |
    | `tile_gpu.pipeline = "..."` | `tile.load`, `tile_gpu.async_load` | of a load in a loop with `tile.num_stages`: how it is pipelined, or why not |
    | `tile_gpu.prologue` | `tile.load`, `tile_gpu.async_load` | it stands in front of a pipelined loop for one in it: reports leave it out |
    | `tile_gpu.accesses = [...]` | kernel, as code of threads | of each load, store and atomic what it became: how many bits one instruction moves, how often, and why not more |
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let dependentDialects = ["::kiln::tile::TileDialect"];
  let hasOperationAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
    void registerTypes();
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

def TileGPU_SharedLayoutAttr : AttrDef<TileGPUDialect, "SharedLayout"> {
  let mnemonic = "shared_layout";
  let summary = "the order of a tile's elements in shared memory";
  let description = [{
    A linear map over GF(2), one to one, from the bits of an offset, counted in elements, to the element that lies there. A basis with several bits is a
    swizzle: it moves neighbours in a row to other banks than those of the rows above.

    ```mlir
    // 8 rows of 16, where every fourth row and the next three exchange the halves of their lines of 8.
    #s = #tile_gpu.shared_layout<offset = [[0, 1], [0, 2], [0, 4], [0, 8], [1, 0], [2, 0], [4, 8]]>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, ArrayRefParameter<"uint64_t">:$bases);
  let builders = [AttrBuilder<(ins "const ::kiln::LinearLayout &":$layout)>];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// From offsets to elements.
    ::kiln::LinearLayout getLinear() const;
  }];
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

def TileGPU_RingType : TypeDef<TileGPUDialect, "Ring"> {
  let mnemonic = "ring";
  let summary = "tiles in shared memory that a loop fills and reads in turn";
  let description = [{
    As many tiles of one type as the first number says, the slots. While a loop computes with one of them, copies into the others are under way.

    ```mlir
    !tile_gpu.ring<3x64x128xf16, #s> // three tiles of 64 x 128 f16, each laid out as #s says
    ```
  }];
  let parameters = (ins "int64_t":$slots, ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$elementType,
                        "::kiln::tile_gpu::SharedLayoutAttr":$layout);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Of an element; an i1 occupies one byte.
    int64_t getElementBytes() const { return (getElementType().getIntOrFloatBitWidth() + 7) / 8; }
    int64_t getSlotBytes() const;
    int64_t getBytes() const { return getSlots() * getSlotBytes(); }
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
// Tiles that are copied while the threads compute
//===----------------------------------------------------------------------===//

def TileGPU_AllocRingOp : TileGPU_Op<"alloc_ring", [MemoryEffects<[MemAlloc]>]> {
  let summary = "room for the tiles of a ring in shared memory";
  let description = [{
    It belongs to the ring from here to its last use.

    ```mlir
    %keys = tile_gpu.alloc_ring : !tile_gpu.ring<3x64x128xf16, #s>
    ```
  }];
  let results = (outs TileGPU_RingType:$ring);
  let assemblyFormat = "attr-dict `:` type($ring)";
}

def TileGPU_AsyncLoadOp : TileGPU_Op<"async_load", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "start to copy a tile from global memory into a slot of a ring";
  let description = [{
    Elements whose mask is false become zero, and their memory is not touched. The copy belongs to the group that the next `tile_gpu.async_commit`
    closes. Until `tile_gpu.async_wait` has waited for that group, and then all threads for each other, nobody reads the slot; and nobody still reads what
    was there before when the copy starts. `evict_first` is that of `tile.load`.

    ```mlir
    tile_gpu.async_load %p mask %m : tensor<64x128xi1, #l> evict_first to %keys[%slot]
        : tensor<64x128x!tile.ptr<f16>, #l> to !tile_gpu.ring<3x64x128xf16, #s>
    ```
  }];
  let arguments = (ins Tile_PointerTensor:$pointer, Optional<RankedTensorOf<[I1]>>:$mask, TileGPU_RingType:$ring, I32:$slot,
                       UnitAttr:$evict_first);
  let assemblyFormat = [{
    $pointer (`mask` $mask^ `:` type($mask))? (`evict_first` $evict_first^)? `to` $ring `[` $slot `]` attr-dict
    `:` type($pointer) `to` type($ring)
  }];
  let hasVerifier = 1;
}

def TileGPU_AsyncCommitOp : TileGPU_Op<"async_commit", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "close a group of copies";
  let description = [{
    The copies that a thread has started since the last one form a group; it may be empty.

    ```mlir
    tile_gpu.async_commit
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def TileGPU_AsyncWaitOp : TileGPU_Op<"async_wait", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "wait until all but the last groups of copies are there";
  let description = [{
    Each thread waits for its own copies: those of others are there when these have waited too, and all threads for each other.

    ```mlir
    tile_gpu.async_wait 1 // the last group may still be under way
    ```
  }];
  let arguments = (ins ConfinedAttr<I64Attr, [IntNonNegative]>:$groups);
  let assemblyFormat = "$groups attr-dict";
}

def TileGPU_RingLoadOp : TileGPU_Op<"ring_load", [MemoryEffects<[MemRead]>]> {
  let summary = "read a slot of a ring, or a part of it";
  let description = [{
    `at` says where in the tile of the slot a smaller result begins: at a multiple of its size.

    In a loop whose iterations take the slots in turn, `tile_gpu.ahead` on this operation and on `tile_gpu.async_load` says how many
    iterations behind the present one the iteration is whose tile the slot holds.

    ```mlir
    %k = tile_gpu.ring_load %keys[%slot] : !tile_gpu.ring<3x64x128xf16, #s> -> tensor<64x128xf16, #l>
    %second = tile_gpu.ring_load %keys[%slot] at [0, 16] : !tile_gpu.ring<3x64x128xf16, #s> -> tensor<64x16xf16, #p>
    ```
  }];
  let arguments = (ins TileGPU_RingType:$ring, I32:$slot, OptionalAttr<DenseI64ArrayAttr>:$begin);
  let results = (outs Tile_NumberTensor:$result);
  let assemblyFormat = "$ring `[` $slot `]` (`at` $begin^)? attr-dict `:` type($ring) `->` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$ring, "::mlir::Value":$slot), [{
    build($_builder, $_state, result, ring, slot, ::mlir::DenseI64ArrayAttr());
  }]>];
  let hasVerifier = 1;
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
