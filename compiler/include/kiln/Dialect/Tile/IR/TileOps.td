#ifndef KILN_DIALECT_TILE_OPS
#define KILN_DIALECT_TILE_OPS

include "kiln/Dialect/Tile/IR/TileAttrs.td"
include "kiln/Dialect/Tile/IR/TileDialect.td"
include "kiln/Dialect/Tile/IR/TileTypes.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferIntRangeInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// Tiles have at least one dimension, and every dimension is a power of two: verified once for all operations, so that the message can
// name the dimension.
def Tile_Shapes : NativeOpTrait<"TileShapes"> {
  let cppNamespace = "::kiln::tile";
}

class Tile_Op<string mnemonic, list<Trait> traits = []> : Op<TileDialect, mnemonic, !listconcat(traits, [Tile_Shapes])>;

//===----------------------------------------------------------------------===//
// The grid
//===----------------------------------------------------------------------===//

def Tile_ProgramIdOp : Tile_Op<"program_id", [Pure, DeclareOpInterfaceMethods<InferIntRangeInterface, ["inferResultRanges"]>]> {
  let summary = "the index of this program along an axis of the launch grid";
  let description = [{
    A value in [0, num_programs) of the same axis (0, 1 or 2).

    ```mlir
    %pid = tile.program_id 0 : i32
    ```
  }];
  let arguments = (ins ConfinedAttr<I32Attr, [IntMinValue<0>, IntMaxValue<2>]>:$axis);
  let results = (outs I32:$result);
  let assemblyFormat = "$axis attr-dict `:` type($result)";
}

def Tile_NumProgramsOp : Tile_Op<"num_programs", [Pure, DeclareOpInterfaceMethods<InferIntRangeInterface, ["inferResultRanges"]>]> {
  let summary = "the size of the launch grid along an axis";
  let description = [{
    ```mlir
    %n = tile.num_programs 0 : i32
    ```
  }];
  let arguments = (ins ConfinedAttr<I32Attr, [IntMinValue<0>, IntMaxValue<2>]>:$axis);
  let results = (outs I32:$result);
  let assemblyFormat = "$axis attr-dict `:` type($result)";
}

//===----------------------------------------------------------------------===//
// Making and shaping tiles
//===----------------------------------------------------------------------===//

def Tile_ArangeOp : Tile_Op<"arange", [Pure, DeclareOpInterfaceMethods<InferIntRangeInterface, ["inferResultRanges"]>]> {
  let summary = "consecutive integers";
  let description = [{
    Element i of the rank-1 result is `start + i`; its length is `end - start`.

    ```mlir
    %i = tile.arange 0 to 64 : tensor<64xi32>
    ```
  }];
  let arguments = (ins I64Attr:$start, I64Attr:$end);
  let results = (outs RankedTensorOf<[I32, I64]>:$result);
  let builders = [OpBuilder<(ins "int64_t":$start, "int64_t":$end, CArg<"unsigned", "32">:$width)>];
  let assemblyFormat = "$start `to` $end attr-dict `:` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tile_SplatOp : Tile_Op<"splat", [Pure]> {
  let summary = "a tile whose elements all equal one scalar";
  let description = [{
    ```mlir
    %t = tile.splat %s : f32 -> tensor<4x64xf32>
    ```
  }];
  let arguments = (ins Tile_Element:$source);
  let results = (outs Tile_Tensor:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$source, "::llvm::ArrayRef<int64_t>":$shape)>];
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tile_ExpandDimsOp : Tile_Op<"expand_dims", [Pure]> {
  let summary = "insert a dimension of size 1";
  let description = [{
    `axis` is the position of the new dimension in the result.

    ```mlir
    %c = tile.expand_dims %x axis 1 : tensor<64xf32> -> tensor<64x1xf32>
    ```
  }];
  let arguments = (ins Tile_Tensor:$source, ConfinedAttr<I32Attr, [IntNonNegative]>:$axis);
  let results = (outs Tile_Tensor:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$source, "int32_t":$axis)>];
  let assemblyFormat = "$source `axis` $axis attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Tile_BroadcastOp : Tile_Op<"broadcast", [Pure]> {
  let summary = "repeat a tile along its dimensions of size 1";
  let description = [{
    Source and result have the same rank; each dimension is equal, or 1 in the source.

    ```mlir
    %b = tile.broadcast %c : tensor<64x1xf32> -> tensor<64x128xf32>
    ```
  }];
  let arguments = (ins Tile_Tensor:$source);
  let results = (outs Tile_Tensor:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$source, "::llvm::ArrayRef<int64_t>":$shape)>];
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Tile_ReshapeOp : Tile_Op<"reshape", [Pure]> {
  let summary = "the same elements, in row-major order, under another shape";
  let description = [{
    ```mlir
    %r = tile.reshape %x : tensor<4x64xf32> -> tensor<256xf32>
    ```
  }];
  let arguments = (ins Tile_Tensor:$source);
  let results = (outs Tile_Tensor:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$source, "::llvm::ArrayRef<int64_t>":$shape)>];
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Tile_TransOp : Tile_Op<"trans", [Pure]> {
  let summary = "permute the dimensions of a tile";
  let description = [{
    Dimension i of the result is dimension `order[i]` of the source.

    ```mlir
    %t = tile.trans %x [1, 0] : tensor<64x128xf16> -> tensor<128x64xf16>
    ```
  }];
  let arguments = (ins Tile_Tensor:$source, DenseI32ArrayAttr:$order);
  let results = (outs Tile_Tensor:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$source, "::llvm::ArrayRef<int32_t>":$order)>];
  let assemblyFormat = "$source $order attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Tile_BitcastOp : Tile_Op<"bitcast", [Pure]> {
  let summary = "the same bits under another element type";
  let description = [{
    Between number types of the same width, or between pointer types.

    ```mlir
    %b = tile.bitcast %x : tensor<64xf32> -> tensor<64xi32>
    %p = tile.bitcast %q : !tile.ptr<i8> -> !tile.ptr<f8E4M3FN>
    ```
  }];
  let arguments = (ins Tile_ElementLike:$source);
  let results = (outs Tile_ElementLike:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

def Tile_AddPtrOp : Tile_Op<"addptr", [Pure, AllTypesMatch<["base", "result"]>]> {
  let summary = "pointers moved by offsets counted in elements";
  let description = [{
    `base + sext(offset) * sizeof(T)`, modulo 2^64. Base and offset have the same shape.

    ```mlir
    %p = tile.addptr %base, %i : tensor<64x!tile.ptr<f16>>, tensor<64xi32>
    ```
  }];
  let arguments = (ins Tile_PointerLike:$base, Tile_OffsetLike:$offset);
  let results = (outs Tile_PointerLike:$result);
  let assemblyFormat = "$base `,` $offset attr-dict `:` type($base) `,` type($offset)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def Tile_LoadOp : Tile_Op<"load", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
                               DeclareOpInterfaceMethods<ConditionallySpeculatable>]> {
  let summary = "read memory through a pointer or a tile of pointers";
  let description = [{
    A lane whose mask is false touches no memory and yields `other`; `other` is zero where absent and needs a mask.

    A load through pointers that all derive from `tile.readonly` arguments has no effect to order against anything: equal loads are one
    across stores, and one in a loop that is known to run may move in front of it. In a kernel with `tile.overlaps` this does not hold.

    `evict_first` says that the memory is read once: what it occupies in a cache is the first to make room. It is a hint for GPUs and changes
    no value.

    ```mlir
    %v = tile.load %p : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
    %w = tile.load %p mask %m : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
    %x = tile.load %p mask %m other %o : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
    %y = tile.load %p mask %m evict_first : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
    ```
  }];
  let arguments = (ins Tile_PointerLike:$pointer, Optional<Tile_MaskLike>:$mask, Optional<Tile_NumberLike>:$other,
                       UnitAttr:$evict_first);
  let results = (outs Tile_NumberLike:$result);
  let builders = [OpBuilder<(ins "::mlir::Value":$pointer, CArg<"::mlir::Value", "{}">:$mask, CArg<"::mlir::Value", "{}">:$other)>];
  let assemblyFormat = [{
    $pointer (`mask` $mask^)? (`other` $other^)? (`evict_first` $evict_first^)? attr-dict `:`
    custom<LoadTypes>(type($pointer), type($result), ref($mask), type($mask), ref($other), type($other))
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Tile_StoreOp : Tile_Op<"store", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "write memory through a pointer or a tile of pointers";
  let description = [{
    A lane whose mask is false touches no memory. Where two lanes of one store name the same address, one of them wins.

    ```mlir
    tile.store %p, %v mask %m : tensor<64x!tile.ptr<f16>>
    ```
  }];
  let arguments = (ins Tile_PointerLike:$pointer, Tile_NumberLike:$value, Optional<Tile_MaskLike>:$mask);
  let assemblyFormat = [{
    $pointer `,` $value (`mask` $mask^)? attr-dict `:` custom<StoreTypes>(type($pointer), type($value), ref($mask), type($mask))
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Tile_AtomicRMWOp : Tile_Op<"atomic_rmw", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "atomic read-modify-write";
  let description = [{
    Yields the old value of each lane; a lane whose mask is false touches no memory and yields zero. A scalar atomic executes once per program.

    ```mlir
    %old = tile.atomic_rmw add acq_rel device %p, %v mask %m : tensor<64x!tile.ptr<i32>> -> tensor<64xi32>
    ```
  }];
  let arguments = (ins Tile_AtomicKind:$kind, Tile_MemoryOrder:$order, Tile_MemoryScope:$scope, Tile_PointerLike:$pointer,
                       Tile_NumberLike:$value, Optional<Tile_MaskLike>:$mask);
  let results = (outs Tile_NumberLike:$result);
  let assemblyFormat = [{
    $kind $order $scope $pointer `,` $value (`mask` $mask^)? attr-dict `:`
    custom<AtomicTypes>(type($pointer), type($result), type($value), ref($mask), type($mask))
  }];
  let hasVerifier = 1;
  let hasCanonicalizer = 1;
}

def Tile_AtomicCASOp : Tile_Op<"atomic_cas", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "atomic compare-and-swap";
  let description = [{
    Stores `value` where memory holds the bits of `compare`; yields the old value of each lane. Elements are i32 or i64 (bit-cast others).

    ```mlir
    %old = tile.atomic_cas acq_rel device %p, %c, %v : !tile.ptr<i32> -> i32
    ```
  }];
  let arguments = (ins Tile_MemoryOrder:$order, Tile_MemoryScope:$scope, Tile_PointerLike:$pointer,
                       Tile_NumberLike:$compare, Tile_NumberLike:$value);
  let results = (outs Tile_NumberLike:$result);
  let assemblyFormat = [{
    $order $scope $pointer `,` $compare `,` $value attr-dict `:`
    custom<CASTypes>(type($pointer), type($result), type($compare), type($value))
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Launches that overlap
//===----------------------------------------------------------------------===//

def Tile_WaitForLaunchesOp : Tile_Op<"wait_for_launches", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "wait for the launches before this one in its stream";
  let description = [{
    Blocks the program until the launches before this one in its stream have ended and what they wrote is visible. No access to memory that
    they write stands in front of it, and no access moves across it.

    The kernel carries `tile.overlaps`, and every program of it waits: the operation stands in the kernel's body, in no loop or branch. A
    launch that did not wait would end before those in front of it, and one behind it waits for it alone.

    ```mlir
    func.func @second(%x: !tile.ptr<f32>) attributes {tile.kernel, tile.overlaps} {
      tile.wait_for_launches
      tile.launch_dependents
      %v = tile.load %x : !tile.ptr<f32> -> f32
      tile.print "first wrote", %v : f32
      return
    }
    ```
  }];
  let assemblyFormat = "attr-dict";
  let hasVerifier = 1;
}

def Tile_LaunchDependentsOp : Tile_Op<"launch_dependents", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "let the next launch in the stream start";
  let description = [{
    Once all programs have got here or ended, the next launch in the stream may start, if it is one that overlaps. It is a hint: what this
    launch writes, before or behind the operation, the next one sees only after `tile.wait_for_launches`.

    ```mlir
    tile.launch_dependents
    ```
  }];
  let assemblyFormat = "attr-dict";
}

//===----------------------------------------------------------------------===//
// Contraction, reduction, scan
//===----------------------------------------------------------------------===//

def Tile_DotOp : Tile_Op<"dot", [Pure, AllTypesMatch<["c", "result"]>]> {
  let summary = "matrix product with accumulation: a @ b + c";
  let description = [{
    `a` is [M, K], `b` is [K, N], `c` and the result are [M, N]. Products and sums are formed in the element type of `c`: f32 for f8, f16,
    bf16 and f32 operands, f64 for f64, i32 for i8. The order of summation over K is fixed for a target and config, not by this
    operation. f32 operands are multiplied exactly unless `tf32` is given.

    ```mlir
    %d = tile.dot %a, %b, %c : tensor<16x64xf16>, tensor<64x32xf16> -> tensor<16x32xf32>
    %e = tile.dot %x, %y, %c tf32 : tensor<16x64xf32>, tensor<64x32xf32> -> tensor<16x32xf32>
    ```
  }];
  let arguments = (ins Tile_NumberTensor:$a, Tile_NumberTensor:$b, Tile_NumberTensor:$c,
                       DefaultValuedAttr<Tile_DotPrecision, "::kiln::tile::DotPrecision::Exact">:$precision);
  let results = (outs Tile_NumberTensor:$result);
  let assemblyFormat = "$a `,` $b `,` $c ($precision^)? attr-dict `:` type($a) `,` type($b) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_ReduceOp : Tile_Op<"reduce", [Pure, SingleBlock, IsolatedFromAbove]> {
  let summary = "combine the elements of one axis";
  let description = [{
    Reduces one or more tiles of the same shape together. The region combines two tuples of scalars into one and is associative up
    to rounding; the order is fixed for a target and config. A rank-1 source reduces to scalars. The region sees nothing but its
    arguments: the first half is the tuple that covers the lower positions along the axis. It holds no other `tile` operation than
    `tile.bitcast`, and none with side effects.

    ```mlir
    %s = tile.reduce %x axis 1 : (tensor<4x64xf32>) -> tensor<4xf32> {
    ^bb0(%a: f32, %b: f32):
      %c = arith.addf %a, %b : f32
      tile.yield %c : f32
    }
    ```
  }];
  let arguments = (ins Variadic<Tile_NumberTensor>:$sources, ConfinedAttr<I32Attr, [IntNonNegative]>:$axis);
  let results = (outs Variadic<Tile_NumberLike>:$results);
  let regions = (region SizedRegion<1>:$combiner);
  let assemblyFormat = "$sources `axis` $axis attr-dict `:` functional-type($sources, $results) $combiner";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Tile_ScanOp : Tile_Op<"scan", [Pure, SingleBlock, IsolatedFromAbove]> {
  let summary = "inclusive prefix combination along one axis";
  let description = [{
    Element i along the axis combines elements 0..i (with `reverse`, i..n-1). Shapes are kept; the region obeys the rules of
    `tile.reduce`.

    ```mlir
    %s = tile.scan %x axis 0 : (tensor<64xi32>) -> tensor<64xi32> {
    ^bb0(%a: i32, %b: i32):
      %c = arith.addi %a, %b : i32
      tile.yield %c : i32
    }
    ```
  }];
  let arguments = (ins Variadic<Tile_NumberTensor>:$sources, ConfinedAttr<I32Attr, [IntNonNegative]>:$axis, UnitAttr:$reverse);
  let results = (outs Variadic<Tile_NumberTensor>:$results);
  let regions = (region SizedRegion<1>:$combiner);
  let assemblyFormat = "$sources `axis` $axis (`reverse` $reverse^)? attr-dict `:` functional-type($sources, $results) $combiner";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Tile_YieldOp : Tile_Op<"yield", [Pure, Terminator, ReturnLike, ParentOneOf<["ReduceOp", "ScanOp"]>]> {
  let summary = "the result of a combiner";
  let description = [{
    Ends the region of `tile.reduce` and `tile.scan`.
  }];
  let arguments = (ins Variadic<Tile_Number>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}

//===----------------------------------------------------------------------===//
// Calls, facts, checks
//===----------------------------------------------------------------------===//

def Tile_ExternCallOp : Tile_Op<"extern_call", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
                                             DeclareOpInterfaceMethods<ConditionallySpeculatable>,
                                             DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "call a scalar function on each element";
  let description = [{
    Calls `symbol`, a device function of scalars that the module declares, once for each element, whatever thread does it. Operands and results have
    the same shape. A `pure` call has no effects and may be removed, repeated or hoisted; any other is made exactly once for each element, in
    unspecified order. The body of the function is no part of the module: whoever compiles or interprets it provides it under the name of the symbol.

    ```mlir
    func.func private @gelu(f32) -> f32
    func.func private @split(f32) -> (f32, i32)
    %y = tile.extern_call @gelu(%x) pure : (tensor<64xf32>) -> tensor<64xf32>
    %f, %e = tile.extern_call @split(%x) pure : (tensor<64xf32>) -> (tensor<64xf32>, tensor<64xi32>)
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol, Variadic<Tile_NumberLike>:$args, UnitAttr:$pure);
  let results = (outs Variadic<Tile_NumberLike>:$values);
  let assemblyFormat = "$symbol `(` $args `)` (`pure` $pure^)? attr-dict `:` functional-type($args, $values)";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// A value of the shape that operands and results share; null where there are neither.
    mlir::Value getModel() {
      return getNumResults() ? getResult(0) : getArgs().empty() ? mlir::Value() : getArgs().front();
    }
  }];
}

def Tile_AssumeOp : Tile_Op<"assume", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>, DeclareOpInterfaceMethods<ConditionallySpeculatable>,
                                  AllTypesMatch<["source", "result"]>]> {
  let summary = "a promise about the divisibility of integers or pointers";
  let description = [{
    Yields its operand. Every element, of a pointer the address in bytes, is a multiple of `divisor`. A broken promise is undefined
    behaviour. With `checked`, which `tile-settle-asserts` sets, it stops the launch as a `tile.assert` does, and stays where it is.

    ```mlir
    %s = tile.assume %stride divisible_by 8 : i64
    ```
  }];
  let arguments = (ins Tile_ElementLike:$source, ConfinedAttr<I64Attr, [IntPositive]>:$divisor, UnitAttr:$checked);
  let results = (outs Tile_ElementLike:$result);
  let assemblyFormat = "$source `divisible_by` $divisor attr-dict `:` type($source)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tile_AssertOp : Tile_Op<"assert", [MemoryEffects<[MemWrite]>]> {
  let summary = "stop the launch with a message unless a condition holds";
  let description = [{
    Checked where the compile options ask for asserts; otherwise it has no effect. With `check_mode` it is for check mode alone, and
    `tile-check-mode` comes before anything else that looks at it.

    ```mlir
    tile.assert %ok, "page out of range" : tensor<64xi1>
    ```
  }];
  let arguments = (ins Tile_MaskLike:$condition, StrAttr:$message, UnitAttr:$check_mode);
  let assemblyFormat = "$condition `,` $message attr-dict `:` type($condition)";
}

def Tile_PrintOp : Tile_Op<"print", [MemoryEffects<[MemWrite]>]> {
  let summary = "print values from the program that runs";
  let description = [{
    `types` are those of the program, where a pass has put values of others in place of them.

    ```mlir
    tile.print "m = ", %m : tensor<4xf32>
    tile.print "k = ", %k : tensor<4xf32> {types = [tensor<4xf8E4M3FN>]}
    ```
  }];
  let arguments = (ins StrAttr:$prefix, Variadic<Tile_ElementLike>:$values, OptionalAttr<TypeArrayAttr>:$types);
  let assemblyFormat = "$prefix (`,` $values^ `:` type($values))? attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The type of a value, as it is printed: "tensor<4xf32>".
    std::string getPrintedType(unsigned value);
  }];
}

#endif
