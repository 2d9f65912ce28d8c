// RUN: kiln-opt %s --tile-gpu-carry-pointers | FileCheck %s

#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
#s = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16]]>

// The copy two iterations ahead: the pointers of iteration -1 + 2 go in, and each iteration adds a step of 8 strides.

// CHECK-LABEL: @strided(
// CHECK-SAME: %[[BASE:[a-z0-9]+]]: tensor<32x!tile.ptr<f32>, #layout>, %[[N:[a-z0-9]+]]: i32, %[[STRIDE:[a-z0-9]+]]: i64, %[[SLOT:[a-z0-9]+]]: i32
// CHECK: %[[DISTANCE:.*]] = arith.muli %[[STRIDE]], %c8_i64 : i64
// CHECK: %[[FIRST:.*]] = arith.muli %{{.*}}, %[[STRIDE]] : i64
// CHECK: %[[BEGIN:.*]] = arith.subi %[[FIRST]], %[[DISTANCE]] : i64
// CHECK: %[[SPLAT:.*]] = tile.splat %[[BEGIN]]
// CHECK: %[[INIT:.*]] = tile.addptr %[[BASE]], %[[SPLAT]]
// CHECK: scf.for {{.*}} iter_args(%[[BEFORE:.*]] = %[[INIT]])
// CHECK: %[[STEP:.*]] = tile.splat %[[DISTANCE]] :
// CHECK-NEXT: %[[P:.*]] = tile.addptr %[[BEFORE]], %[[STEP]]
// CHECK-NEXT: tile_gpu.async_load %[[P]]
// CHECK-NEXT: scf.yield %[[P]]
func.func @strided(%base: tensor<32x!tile.ptr<f32>, #l>, %n: i32, %stride: i64, %slot: i32) {
  %c0 = arith.constant 0 : i32
  %c8 = arith.constant 8 : i32
  %c16 = arith.constant 16 : i32
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<3x32xf32, #s>
  scf.for %i = %c0 to %n step %c8 : i32 {
    %j = arith.addi %i, %c16 : i32
    %w = arith.extsi %j : i32 to i64
    %x = arith.muli %w, %stride : i64
    %xs = tile.splat %x : i64 -> tensor<32xi64, #l>
    %p = tile.addptr %base, %xs : tensor<32x!tile.ptr<f32>, #l>, tensor<32xi64, #l>
    tile_gpu.async_load %p to %ring[%slot] {tile_gpu.ahead = 2 : i64} : tensor<32x!tile.ptr<f32>, #l> to !tile_gpu.ring<3x32xf32, #s>
  }
  return
}

// A stride of 1: the induction variable itself is the offset.
// CHECK-LABEL: @unit(
// CHECK: scf.for {{.*}} iter_args(%[[BEFORE:.*]] = %{{.*}})
// CHECK: %[[STEP:.*]] = tile.splat %c8_i32 :
// CHECK-NEXT: tile.addptr %[[BEFORE]], %[[STEP]]
func.func @unit(%base: tensor<32x!tile.ptr<f32>, #l>, %n: i32, %slot: i32) {
  %c0 = arith.constant 0 : i32
  %c8 = arith.constant 8 : i32
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<3x32xf32, #s>
  scf.for %i = %c0 to %n step %c8 : i32 {
    %xs = tile.splat %i : i32 -> tensor<32xi32, #l>
    %p = tile.addptr %base, %xs : tensor<32x!tile.ptr<f32>, #l>, tensor<32xi32, #l>
    tile_gpu.async_load %p to %ring[%slot] {tile_gpu.ahead = 0 : i64} : tensor<32x!tile.ptr<f32>, #l> to !tile_gpu.ring<3x32xf32, #s>
  }
  return
}

// A product of 32 bits may wrap before it is widened, and a sum that is not the number of an iteration as well.
// CHECK-LABEL: @wraps(
// CHECK-NOT: iter_args
// CHECK: return
func.func @wraps(%base: tensor<32x!tile.ptr<f32>, #l>, %n: i32, %stride: i32, %slot: i32) {
  %c0 = arith.constant 0 : i32
  %c8 = arith.constant 8 : i32
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<3x32xf32, #s>
  scf.for %i = %c0 to %n step %c8 : i32 {
    %x = arith.muli %i, %stride : i32
    %xs = tile.splat %x : i32 -> tensor<32xi32, #l>
    %p = tile.addptr %base, %xs : tensor<32x!tile.ptr<f32>, #l>, tensor<32xi32, #l>
    tile_gpu.async_load %p to %ring[%slot] {tile_gpu.ahead = 0 : i64} : tensor<32x!tile.ptr<f32>, #l> to !tile_gpu.ring<3x32xf32, #s>
    %j = arith.addi %i, %stride : i32
    %ys = tile.splat %j : i32 -> tensor<32xi32, #l>
    %q = tile.addptr %base, %ys : tensor<32x!tile.ptr<f32>, #l>, tensor<32xi32, #l>
    tile_gpu.async_load %q to %ring[%slot] {tile_gpu.ahead = 0 : i64} : tensor<32x!tile.ptr<f32>, #l> to !tile_gpu.ring<3x32xf32, #s>
  }
  return
}
