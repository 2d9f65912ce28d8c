// RUN: kiln-opt %s --tile-gpu-allocate-shared --tile-gpu-lower-to-threads --split-input-file | FileCheck %s

// Registers first, then lanes, then warps through shared memory.
// CHECK-LABEL: func.func @sum(
// CHECK-SAME: %[[X:.*]]: f32)
// CHECK: %[[R:.*]] = arith.addf %[[X]], %[[X]] : f32
// CHECK: %[[B0:.*]] = arith.bitcast %[[R]] : f32 to i32
// CHECK: tile_gpu.machine "shfl.sync.bfly.b32"(%{{.*}}, %[[B0]], %{{.*}}, %{{.*}})
// CHECK-COUNT-4: tile_gpu.machine "shfl.sync.bfly.b32"
// CHECK: tile_gpu.machine "st.shared.b32"
// CHECK-NEXT: tile_gpu.machine "bar.sync"
// CHECK: tile_gpu.machine "ld.shared.b32"
// CHECK: tile_gpu.machine "ld.shared.b32"
// CHECK: arith.addf
// CHECK-NOT: tile_gpu.machine
#l = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = [[64]]>
func.func @sum(%x: f32) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %s = tile.splat %x : f32 -> tensor<128xf32, #l>
  %r = tile.reduce %s axis 0 : (tensor<128xf32, #l>) -> f32 {
  ^bb0(%a: f32, %b: f32):
    %c = arith.addf %a, %b : f32
    tile.yield %c : f32
  }
  return
}

// -----

// The other axis lies within registers and warps: no lane exchanges anything, and each of the two rows goes through the table.
// CHECK-LABEL: func.func @columns(
// CHECK-NOT: shfl
// CHECK-COUNT-2: tile_gpu.machine "st.shared.b16"
// CHECK: tile_gpu.machine "bar.sync"
// CHECK-COUNT-4: tile_gpu.machine "ld.shared.b16"
// CHECK-NOT: tile_gpu.machine
#l = #tile_gpu.layout<register = [[0, 1], [1, 0]], lane = [[0, 2], [0, 4], [0, 8], [0, 16], [0, 32]], warp = [[2, 0]]>
#r = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = [[0]]>
func.func @columns(%x: f16) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %s = tile.splat %x : f16 -> tensor<4x64xf16, #l>
  %r = tile.reduce %s axis 0 : (tensor<4x64xf16, #l>) -> tensor<64xf16, #r> {
  ^bb0(%a: f16, %b: f16):
    %c = arith.maximumf %a, %b : f16
    tile.yield %c : f16
  }
  return
}

// -----

// A combiner whose operands may not change places sees the positions in their order: the lane with the bit set is the second.
// CHECK-LABEL: func.func @ordered(
// CHECK-SAME: %[[X:.*]]: i32)
// CHECK: %[[S:.*]] = arith.subi %[[X]], %[[X]] : i32
// CHECK: %[[OTHER:.*]] = tile_gpu.machine "shfl.sync.bfly.b32"(%{{.*}}, %[[S]]
// CHECK: %[[UPPER:.*]] = arith.cmpi ne
// CHECK: %[[FIRST:.*]] = arith.select %[[UPPER]], %[[OTHER]], %[[S]] : i32
// CHECK: %[[SECOND:.*]] = arith.select %[[UPPER]], %[[S]], %[[OTHER]] : i32
// CHECK: arith.subi %[[FIRST]], %[[SECOND]] : i32
#l = #tile_gpu.layout<register = [[1]], lane = [[2], [0], [0], [0], [0]], warp = []>
func.func @ordered(%x: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %s = tile.splat %x : i32 -> tensor<4xi32, #l>
  %r = tile.reduce %s axis 0 : (tensor<4xi32, #l>) -> i32 {
  ^bb0(%a: i32, %b: i32):
    %c = arith.subi %a, %b : i32
    tile.yield %c : i32
  }
  return
}

// -----

// Two operands travel together, an i64 as two words.
// CHECK-LABEL: func.func @pairs(
// CHECK-COUNT-3: tile_gpu.machine "shfl.sync.bfly.b32"
// CHECK-NOT: shfl
#l = #tile_gpu.layout<register = [], lane = [[1], [0], [0], [0], [0]], warp = []>
func.func @pairs(%x: f32, %y: i64) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %s = tile.splat %x : f32 -> tensor<2xf32, #l>
  %t = tile.splat %y : i64 -> tensor<2xi64, #l>
  %r:2 = tile.reduce %s, %t axis 0 : (tensor<2xf32, #l>, tensor<2xi64, #l>) -> (f32, i64) {
  ^bb0(%a: f32, %i: i64, %b: f32, %j: i64):
    %c = arith.cmpf ogt, %a, %b : f32
    %v = arith.select %c, %a, %b : f32
    %k = arith.select %c, %i, %j : i64
    tile.yield %v, %k : f32, i64
  }
  return
}

// -----

// Of many warps each lane reads one, and the lanes combine what they have read.
// CHECK-LABEL: func.func @many_warps(
// CHECK-COUNT-5: tile_gpu.machine "shfl.sync.bfly.b32"
// CHECK: tile_gpu.machine "st.shared.b32"
// CHECK-NEXT: tile_gpu.machine "bar.sync"
// CHECK-COUNT-1: tile_gpu.machine "ld.shared.b32"
// CHECK-NOT: ld.shared
// CHECK-COUNT-3: tile_gpu.machine "shfl.sync.bfly.b32"
// CHECK-NOT: tile_gpu.machine
#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32], [64], [128]]>
func.func @many_warps(%x: f32) attributes {tile.kernel, tile.num_warps = 8 : i32} {
  %s = tile.splat %x : f32 -> tensor<256xf32, #l>
  %r = tile.reduce %s axis 0 : (tensor<256xf32, #l>) -> f32 {
  ^bb0(%a: f32, %b: f32):
    %c = arith.addf %a, %b : f32
    tile.yield %c : f32
  }
  return
}

// -----

// 32-bit integers of a whole warp: one instruction for each result.
// CHECK-LABEL: func.func @whole_warp(
// CHECK-NOT: shfl
// CHECK: tile_gpu.machine "redux.sync.add.s32"
// CHECK: tile_gpu.machine "redux.sync.max.s32"
// CHECK-NOT: tile_gpu.machine
#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[0]]>
func.func @whole_warp(%x: i32) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %i = tile.arange 0 to 32 : tensor<32xi32, #l>
  %s = tile.splat %x : i32 -> tensor<32xi32, #l>
  %r:2 = tile.reduce %s, %i axis 0 : (tensor<32xi32, #l>, tensor<32xi32, #l>) -> (i32, i32) {
  ^bb0(%a: i32, %i0: i32, %b: i32, %i1: i32):
    %c = arith.addi %a, %b : i32
    %m = arith.maxsi %i0, %i1 : i32
    tile.yield %c, %m : i32, i32
  }
  return
}

// -----

// Not those of 16 lanes, nor of other types, nor of other operations.
// CHECK-LABEL: func.func @half_warp(
// CHECK-NOT: redux
// CHECK-COUNT-4: tile_gpu.machine "shfl.sync.bfly.b32"
// CHECK-LABEL: func.func @long(
// CHECK-NOT: redux
// CHECK-LABEL: func.func @product(
// CHECK-NOT: redux
#half = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [0]], warp = []>
#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
func.func @half_warp(%x: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %s = tile.splat %x : i32 -> tensor<16xi32, #half>
  %r = tile.reduce %s axis 0 : (tensor<16xi32, #half>) -> i32 {
  ^bb0(%a: i32, %b: i32):
    %c = arith.addi %a, %b : i32
    tile.yield %c : i32
  }
  return
}
func.func @long(%x: i64) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %s = tile.splat %x : i64 -> tensor<32xi64, #l>
  %r = tile.reduce %s axis 0 : (tensor<32xi64, #l>) -> i64 {
  ^bb0(%a: i64, %b: i64):
    %c = arith.addi %a, %b : i64
    tile.yield %c : i64
  }
  return
}
func.func @product(%x: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %s = tile.splat %x : i32 -> tensor<32xi32, #l>
  %r = tile.reduce %s axis 0 : (tensor<32xi32, #l>) -> i32 {
  ^bb0(%a: i32, %b: i32):
    %c = arith.muli %a, %b : i32
    tile.yield %c : i32
  }
  return
}
