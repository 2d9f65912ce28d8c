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

    A kernel is a `func.func` that carries the unit attribute `tile.kernel`, takes scalars and pointers, and returns nothing:

    ```mlir
    func.func @scale(%x: !tile.ptr<f32> {tile.readonly, tile.divisibility = 16 : i64}, %y: !tile.ptr<f32>, %n: i32, %a: f32)
        attributes {tile.kernel, tile.num_warps = 4 : i32} {
      %c64 = arith.constant 64 : i32
      %pid = tile.program_id 0 : i32
      %start = arith.muli %pid, %c64 : i32
      %starts = tile.splat %start : i32 -> tensor<64xi32>
      %i = tile.arange 0 to 64 : tensor<64xi32>
      %offsets = arith.addi %starts, %i : tensor<64xi32>
      %ns = tile.splat %n : i32 -> tensor<64xi32>
      %mask = arith.cmpi slt, %offsets, %ns : tensor<64xi32>
      %xs = tile.splat %x : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>>
      %from = tile.addptr %xs, %offsets : tensor<64x!tile.ptr<f32>>, tensor<64xi32>
      %value = tile.load %from mask %mask : tensor<64x!tile.ptr<f32>> -> tensor<64xf32>
      %as = tile.splat %a : f32 -> tensor<64xf32>
      %scaled = arith.mulf %value, %as : tensor<64xf32>
      %ys = tile.splat %y : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>>
      %to = tile.addptr %ys, %offsets : tensor<64x!tile.ptr<f32>>, tensor<64xi32>
      tile.store %to, %scaled mask %mask : tensor<64x!tile.ptr<f32>>
      return
    }
    ```

    | attribute | on | meaning |
    | --- | --- | --- |
    | `tile.kernel` | `func.func` | it is a kernel |
    | `tile.num_warps = n : i32` | kernel | the warps that share one program on a GPU |
    | `tile.num_stages = n : i32` | loop | how many iterations a GPU may have in flight |
    | `tile.overlaps` | kernel | it may start while launches before it in its stream still run, and waits for them with `tile.wait_for_launches` |
    | `tile.digest = "..."` | declaration of a device function | of all that its code on a GPU depends on, so that kernels with other code are other programs |
    | `tile.readonly` | pointer argument of a kernel | the launch does not write what it reaches; nor does any other while the kernel runs, but for those that it overlaps with |
    | `tile.divisibility = n : i64` | pointer or integer argument of a kernel | a multiple of n; of a pointer, its address in bytes |

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
