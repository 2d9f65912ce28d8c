// RUN: kiln-opt %s --tile-split-pointers --canonicalize | FileCheck %s

// A loop that steps its pointers carries one base; the offsets leave the loop.
// CHECK-LABEL: func.func @stepping
// CHECK-SAME:    %[[X:.*]]: !tile.ptr<f32>, %[[STEP:.*]]: i64
func.func @stepping(%x: !tile.ptr<f32>, %step: i64, %n: i32) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %i = tile.arange 0 to 16 : tensor<16xi32>
  %s = tile.splat %x : !tile.ptr<f32> -> tensor<16x!tile.ptr<f32>>
  %p = tile.addptr %s, %i : tensor<16x!tile.ptr<f32>>, tensor<16xi32>
  %steps = tile.splat %step : i64 -> tensor<16xi64>
  // CHECK: %[[OFFSETS:.*]] = arith.extsi %{{.*}} : tensor<16xi32> to tensor<16xi64>
  // CHECK: scf.for {{.*}} iter_args(%[[BASE:.*]] = %[[X]]) -> (!tile.ptr<f32>)
  %r = scf.for %k = %c0 to %n step %c1 iter_args(%q = %p) -> (tensor<16x!tile.ptr<f32>>) : i32 {
    // CHECK: %[[SPLAT:.*]] = tile.splat %[[BASE]]
    // CHECK: %[[P:.*]] = tile.addptr %[[SPLAT]], %[[OFFSETS]]
    // CHECK: tile.load %[[P]]
    %v = tile.load %q : tensor<16x!tile.ptr<f32>> -> tensor<16xf32>
    tile.store %p, %v : tensor<16x!tile.ptr<f32>>
    // CHECK: %[[NEXT:.*]] = tile.addptr %[[BASE]], %[[STEP]] : !tile.ptr<f32>, i64
    // CHECK: scf.yield %[[NEXT]] : !tile.ptr<f32>
    %next = tile.addptr %q, %steps : tensor<16x!tile.ptr<f32>>, tensor<16xi64>
    scf.yield %next : tensor<16x!tile.ptr<f32>>
  }
  return
}

// Shape operations move the offsets.
// CHECK-LABEL: func.func @shapes
func.func @shapes(%x: !tile.ptr<f16>, %row: tensor<4x1xi32>, %col: tensor<1x8xi32>) {
  %s = tile.splat %x : !tile.ptr<f16> -> tensor<4x1x!tile.ptr<f16>>
  %p = tile.addptr %s, %row : tensor<4x1x!tile.ptr<f16>>, tensor<4x1xi32>
  // CHECK: %[[ROWS:.*]] = tile.broadcast %{{.*}} : tensor<4x1xi64> -> tensor<4x8xi64>
  %b = tile.broadcast %p : tensor<4x1x!tile.ptr<f16>> -> tensor<4x8x!tile.ptr<f16>>
  %c = tile.broadcast %col : tensor<1x8xi32> -> tensor<4x8xi32>
  // CHECK: %[[SUM:.*]] = arith.addi %[[ROWS]], %{{.*}} : tensor<4x8xi64>
  %q = tile.addptr %b, %c : tensor<4x8x!tile.ptr<f16>>, tensor<4x8xi32>
  // CHECK: %[[OFFSETS:.*]] = tile.trans %[[SUM]] [1, 0] : tensor<4x8xi64> -> tensor<8x4xi64>
  %t = tile.trans %q [1, 0] : tensor<4x8x!tile.ptr<f16>> -> tensor<8x4x!tile.ptr<f16>>
  // CHECK: tile.addptr %{{.*}}, %[[OFFSETS]]
  %v = tile.load %t : tensor<8x4x!tile.ptr<f16>> -> tensor<8x4xf16>
  tile.store %t, %v : tensor<8x4x!tile.ptr<f16>>
  return
}

// Two bases: the second one's distance enters its offsets.
// CHECK-LABEL: func.func @select
// CHECK-SAME:    %[[A:.*]]: !tile.ptr<i32>, %[[B:.*]]: !tile.ptr<i32>
func.func @select(%a: !tile.ptr<i32>, %b: !tile.ptr<i32>, %m: tensor<8xi1>, %i: tensor<8xi64>) -> tensor<8xi32> {
  %as = tile.splat %a : !tile.ptr<i32> -> tensor<8x!tile.ptr<i32>>
  %bs = tile.splat %b : !tile.ptr<i32> -> tensor<8x!tile.ptr<i32>>
  %ap = tile.addptr %as, %i : tensor<8x!tile.ptr<i32>>, tensor<8xi64>
  // CHECK: llvm.ptrtoint
  // CHECK: %[[DELTA:.*]] = arith.divsi
  // CHECK: tile.splat %[[DELTA]]
  // CHECK: arith.select %{{.*}} : tensor<8xi1>, tensor<8xi64>
  %p = arith.select %m, %ap, %bs : tensor<8xi1>, tensor<8x!tile.ptr<i32>>
  // CHECK: tile.splat %[[A]]
  %v = tile.load %p : tensor<8x!tile.ptr<i32>> -> tensor<8xi32>
  return %v : tensor<8xi32>
}

// Offsets count elements, so a bitcast to another width scales them.
// CHECK-LABEL: func.func @bitcast
func.func @bitcast(%x: !tile.ptr<i32>, %i: tensor<8xi64>) -> tensor<8xi8> {
  %s = tile.splat %x : !tile.ptr<i32> -> tensor<8x!tile.ptr<i32>>
  %p = tile.addptr %s, %i : tensor<8x!tile.ptr<i32>>, tensor<8xi64>
  // CHECK: arith.muli %{{.*}}, %{{.*}} : tensor<8xi64>
  // CHECK: tile.bitcast %{{.*}} : !tile.ptr<i32> -> !tile.ptr<i8>
  %q = tile.bitcast %p : tensor<8x!tile.ptr<i32>> -> tensor<8x!tile.ptr<i8>>
  %v = tile.load %q : tensor<8x!tile.ptr<i8>> -> tensor<8xi8>
  return %v : tensor<8xi8>
}

// To a larger element: neither the base nor an offset need be a multiple of its size, their sum is.
// CHECK-LABEL: func.func @bitcast_to_larger
// CHECK-SAME:    %[[X:.*]]: !tile.ptr<i16>, %[[I:.*]]: tensor<8xi64>
func.func @bitcast_to_larger(%x: !tile.ptr<i16>, %i: tensor<8xi64>) -> tensor<8xi32> {
  %s = tile.splat %x : !tile.ptr<i16> -> tensor<8x!tile.ptr<i16>>
  %p = tile.addptr %s, %i : tensor<8x!tile.ptr<i16>>, tensor<8xi64>
  // CHECK: %[[RAW:.*]] = builtin.unrealized_conversion_cast %[[X]]
  // CHECK: %[[ADDRESS:.*]] = llvm.ptrtoint %[[RAW]]
  // CHECK: %[[BEYOND:.*]] = arith.andi %[[ADDRESS]], %c3_i64
  // CHECK: %[[BYTES:.*]] = tile.bitcast %[[X]] : !tile.ptr<i16> -> !tile.ptr<i8>
  // CHECK: %[[BACK:.*]] = arith.subi %c0_i64, %[[BEYOND]]
  // CHECK: %[[ALIGNED:.*]] = tile.addptr %[[BYTES]], %[[BACK]]
  // CHECK: %[[OFFSETS:.*]] = arith.muli %[[I]]
  // CHECK: %[[ALL:.*]] = tile.splat %[[BEYOND]]
  // CHECK: %[[SUM:.*]] = arith.addi %[[OFFSETS]], %[[ALL]]
  // CHECK: arith.shrsi %[[SUM]]
  // CHECK: tile.bitcast %[[ALIGNED]] : !tile.ptr<i8> -> !tile.ptr<i32>
  %q = tile.bitcast %p : tensor<8x!tile.ptr<i16>> -> tensor<8x!tile.ptr<i32>>
  %v = tile.load %q : tensor<8x!tile.ptr<i32>> -> tensor<8xi32>
  return %v : tensor<8xi32>
}
