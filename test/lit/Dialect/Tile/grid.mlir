// RUN: kiln-opt %s | kiln-opt | FileCheck %s
// RUN: kiln-opt %s -mlir-print-op-generic | kiln-opt | FileCheck %s

// CHECK-LABEL: func.func @grid
// CHECK-SAME: attributes {tile.kernel, tile.num_warps = 8 : i32}
func.func @grid() attributes {tile.kernel, tile.num_warps = 8 : i32} {
  // CHECK: tile.program_id 0 : i32
  %0 = tile.program_id 0 : i32
  // CHECK: tile.num_programs 2 : i32
  %1 = tile.num_programs 2 : i32
  return
}

// The attributes of a kernel's arguments and of its loops.
// CHECK-LABEL: func.func @attributes
// CHECK-SAME: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly}
// CHECK-SAME: i64 {tile.divisibility = 8 : i64}
func.func @attributes(%p: !tile.ptr<f32> {tile.readonly, tile.divisibility = 16 : i64}, %s: i64 {tile.divisibility = 8 : i64}, %n: i32)
    attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  // CHECK: } {tile.num_stages = 3 : i32}
  scf.for %i = %c0 to %n step %c1 : i32 {
  } {tile.num_stages = 3 : i32}
  return
}
