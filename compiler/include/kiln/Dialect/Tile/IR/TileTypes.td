#ifndef KILN_DIALECT_TILE_TYPES
#define KILN_DIALECT_TILE_TYPES

include "kiln/Dialect/Tile/IR/TileDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinTypeInterfaces.td"
include "mlir/IR/BuiltinTypes.td"
include "mlir/IR/CommonTypeConstraints.td"

def Tile_Number : AnyTypeOf<[I1, I8, I16, I32, I64, F8E4M3FN, F8E5M2, F16, BF16, F32, F64],
                            "i1, i8, i16, i32, i64, f8E4M3FN, f8E5M2, f16, bf16, f32 or f64">;

def Tile_PtrType : TypeDef<TileDialect, "Ptr", [DeclareTypeInterfaceMethods<VectorElementTypeInterface>]> {
  let mnemonic = "ptr";
  let summary = "A pointer into global memory";
  let description = [{
    The address of an element of type T in global memory. Offsets are counted in elements; address arithmetic wraps modulo
    2^64 and never carries an in-bounds promise.

    ```mlir
    !tile.ptr<f16>
    tensor<64x!tile.ptr<f16>>
    ```
  }];
  let parameters = (ins "::mlir::Type":$pointeeType);
  let builders = [TypeBuilderWithInferredContext<(ins "::mlir::Type":$pointeeType), [{
    return $_get(pointeeType.getContext(), pointeeType);
  }]>];
  let assemblyFormat = "`<` $pointeeType `>`";
  let extraClassDeclaration = [{
    /// The bytes between neighbouring elements in memory; an i1 occupies one.
    int64_t getElementBytes() const { return (getPointeeType().getIntOrFloatBitWidth() + 7) / 8; }
  }];
  let genVerifyDecl = 1;
}

def Tile_Pointer : Type<CPred<"::llvm::isa<::kiln::tile::PtrType>($_self)">, "pointer", "::kiln::tile::PtrType">;
def Tile_Element : AnyTypeOf<[Tile_Number, Tile_Pointer], "number or pointer">;

// That dimensions are powers of two is verified by the trait of Tile_Op, whose message names the dimension.
def Tile_Tensor : RankedTensorOf<[Tile_Element], [HasStaticShapePred], "statically shaped tensor of numbers or pointers">;
def Tile_NumberTensor : RankedTensorOf<[Tile_Number], [HasStaticShapePred], "statically shaped tensor of numbers">;
def Tile_PointerTensor : RankedTensorOf<[Tile_Pointer], [HasStaticShapePred], "statically shaped tensor of pointers">;

def Tile_ElementLike : AnyTypeOf<[Tile_Element, Tile_Tensor], "number, pointer, or tensor of them">;
def Tile_NumberLike : AnyTypeOf<[Tile_Number, Tile_NumberTensor], "number or tensor of numbers">;
def Tile_PointerLike : AnyTypeOf<[Tile_Pointer, Tile_PointerTensor], "pointer or tensor of pointers">;
def Tile_MaskLike : AnyTypeOf<[I1, RankedTensorOf<[I1]>], "i1 or tensor of i1">;
def Tile_OffsetLike : AnyTypeOf<[I32, I64, RankedTensorOf<[I32, I64]>], "i32, i64 or tensor of them">;

#endif
