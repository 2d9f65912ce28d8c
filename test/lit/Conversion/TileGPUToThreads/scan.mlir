// RUN: kiln-opt %s --tile-gpu-allocate-shared --tile-gpu-lower-to-threads --split-input-file | FileCheck %s

// Own elements, lanes by doubling distances, warps through shared memory, and the prefix in front of each own element.
// CHECK-LABEL: func.func @sum(
// CHECK-SAME: %[[X:.*]]: i32)
// CHECK: %[[OWN:.*]] = arith.addi %[[X]], %[[X]] : i32
// CHECK: %[[LANE:.*]] = arith.andi %{{.*}}, %{{.*}} : i32
// CHECK: %[[FROM:.*]] = arith.subi
// CHECK: %[[OTHER:.*]] = tile_gpu.machine "shfl.sync.idx.b32"(%{{.*}}, %[[OWN]], %[[FROM]], %{{.*}})
// CHECK: %[[AFTER:.*]] = arith.cmpi uge
// CHECK: %[[SUM:.*]] = arith.addi %[[OTHER]], %[[OWN]] : i32
// CHECK: arith.select %[[AFTER]], %[[SUM]], %[[OWN]] : i32
// CHECK-COUNT-6: tile_gpu.machine "shfl.sync.idx.b32"
// CHECK: tile_gpu.machine "st.shared.b32"
// CHECK-NEXT: tile_gpu.machine "bar.sync"
// CHECK-COUNT-1: tile_gpu.machine "ld.shared.b32"
// CHECK-NOT: tile_gpu.machine
#l = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = [[64]]>
func.func @sum(%x: i32) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %s = tile.splat %x : i32 -> tensor<128xi32, #l>
  %r = tile.scan %s axis 0 : (tensor<128xi32, #l>) -> tensor<128xi32, #l> {
  ^bb0(%a: i32, %b: i32):
    %c = arith.addi %a, %b : i32
    tile.yield %c : i32
  }
  return
}

// -----

// From the other end.
// CHECK-LABEL: func.func @reverse(
// CHECK: arith.addi
// CHECK: tile_gpu.machine "shfl.sync.idx.b32"
// CHECK: arith.cmpi ult
#l = #tile_gpu.layout<register = [], lane = [[1], [2], [0], [0], [0]], warp = []>
func.func @reverse(%x: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %s = tile.splat %x : i32 -> tensor<4xi32, #l>
  %r = tile.scan %s axis 0 reverse : (tensor<4xi32, #l>) -> tensor<4xi32, #l> {
  ^bb0(%a: i32, %b: i32):
    %c = arith.maxsi %a, %b : i32
    tile.yield %c : i32
  }
  return
}
