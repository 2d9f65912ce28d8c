// RUN: kiln-opt %s --tile-gpu-lower-to-threads --split-input-file | FileCheck %s

#row = #tile_gpu.layout<register = [[1], [64]], lane = [[2], [4], [8], [16], [32]], warp = []>

// A thread holds elements 2t, 2t + 1, 2t + 64 and 2t + 65.
// CHECK-LABEL: func.func @arange() attributes
// CHECK: %[[TID:.*]] = tile_gpu.machine "tid.x"() : () -> i32
// CHECK: %[[ONE:.*]] = arith.constant 1 : i32
// CHECK: %[[PART:.*]] = arith.shli %[[TID]], %[[ONE]] : i32
// CHECK: %[[NEXT:.*]] = arith.addi %[[PART]], %{{.*}} : i32
// CHECK: %[[C64:.*]] = arith.constant 64 : i32
// CHECK: arith.addi %[[PART]], %[[C64]] : i32
// CHECK: %[[C65:.*]] = arith.constant 65 : i32
// CHECK: arith.addi %[[PART]], %[[C65]] : i32
// CHECK: arith.addi %[[PART]], %[[PART]] : i32
// CHECK: arith.addi %[[NEXT]], %[[NEXT]] : i32
// CHECK-NOT: tensor
func.func @arange() attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 128 : tensor<128xi32, #row>
  %j = arith.addi %i, %i : tensor<128xi32, #row>
  return
}

// -----

#row = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>

// Tiles and pointers are carried as scalars; the parameters keep their order.
// CHECK-LABEL: func.func @loop(
// CHECK-SAME: %[[P:.*]]: i64, %[[N:.*]]: i32, %[[X:.*]]: f32)
// CHECK: scf.for %{{.*}} = %{{.*}} to %[[N]] step %{{.*}} iter_args(%[[A:.*]] = %[[X]], %[[B:.*]] = %[[X]], %[[Q:.*]] = %[[P]]) -> (f32, f32, i64)
// CHECK: %[[C:.*]] = arith.addf %[[A]], %[[X]] : f32
// CHECK: %[[D:.*]] = arith.addf %[[B]], %[[X]] : f32
// CHECK: %[[STEP:.*]] = arith.muli %{{.*}}, %{{.*}} : i64
// CHECK: %[[R:.*]] = arith.addi %[[Q]], %[[STEP]] : i64
// CHECK: scf.yield %[[C]], %[[D]], %[[R]] : f32, f32, i64
func.func @loop(%p: !tile.ptr<f32> {tile.readonly}, %n: i32, %x: f32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %s = tile.splat %x : f32 -> tensor<64xf32, #row>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %s, %q = %p) -> (tensor<64xf32, #row>, !tile.ptr<f32>) : i32 {
    %t = arith.addf %acc, %s : tensor<64xf32, #row>
    %next = tile.addptr %q, %n : !tile.ptr<f32>, i32
    scf.yield %t, %next : tensor<64xf32, #row>, !tile.ptr<f32>
  }
  return
}

// -----

#full = #tile_gpu.layout<register = [[0, 1], [2, 0]], lane = [[0, 2], [0, 4], [0, 8], [0, 16], [1, 0]], warp = []>
#rows = #tile_gpu.layout<register = [[2, 0]], lane = [[0, 0], [0, 0], [0, 0], [0, 0], [1, 0]], warp = []>
#flat = #tile_gpu.layout<register = [[2]], lane = [[0], [0], [0], [0], [1]], warp = []>

// Registers 0 and 1 hold row r, registers 2 and 3 row r + 2.
// CHECK-LABEL: func.func @broadcast(
// CHECK: %[[R0:.*]] = arith.shrui
// CHECK: %[[R1:.*]] = arith.addi %[[R0]], %{{.*}} : i32
// CHECK: arith.addi %[[R0]], %{{.*}} : i32
// CHECK: arith.addi %[[R1]], %{{.*}} : i32
func.func @broadcast(%x: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 4 : tensor<4xi32, #flat>
  %c = tile.expand_dims %i axis 1 : tensor<4xi32, #flat> -> tensor<4x1xi32, #rows>
  %b = tile.broadcast %c : tensor<4x1xi32, #rows> -> tensor<4x32xi32, #full>
  %s = tile.splat %x : i32 -> tensor<4x32xi32, #full>
  %y = arith.addi %b, %s : tensor<4x32xi32, #full>
  return
}

// -----

// An exponential that need not be accurate is one instruction; of others the function stays.
// CHECK-LABEL: func.func @fast(
// CHECK-SAME: %[[X:.*]]: f32)
// CHECK: tile_gpu.machine "ex2.approx.ftz.f32"(%[[X]]) : (f32) -> f32
// CHECK: %[[SCALED:.*]] = arith.mulf %[[X]], %{{.*}} : f32
// CHECK: tile_gpu.machine "ex2.approx.ftz.f32"(%[[SCALED]]) : (f32) -> f32
// CHECK: math.exp %[[X]] : f32
#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
func.func @fast(%x: f32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %s = tile.splat %x : f32 -> tensor<32xf32, #l>
  %a = math.exp2 %s fastmath<afn> : tensor<32xf32, #l>
  %b = math.exp %s fastmath<afn> : tensor<32xf32, #l>
  %c = math.exp %s : tensor<32xf32, #l>
  return
}
