// RUN: kiln-opt %s --tile-gpu-allocate-shared | FileCheck %s

// Exchanges that follow each other lie apart; the third one takes the place of the first.
// CHECK-LABEL: @sequence(
// CHECK-SAME: tile_gpu.shared_buffers = [
// CHECK-SAME: {bytes = 16 : i64, line = "{{.*}}allocate-shared.mlir:[[#@LINE+7]]", name = "tile.atomic_rmw", offset = 0 : i64}
// CHECK-SAME: {bytes = 16 : i64, line = "{{.*}}allocate-shared.mlir:[[#@LINE+7]]", name = "tile.atomic_rmw", offset = 16 : i64}
// CHECK-SAME: tile_gpu.shared_bytes = 32 : i64
// CHECK: tile.atomic_rmw {{.*}} {tile_gpu.shared_offset = 0 : i64}
// CHECK: tile.atomic_rmw {{.*}} {tile_gpu.shared_offset = 16 : i64}
// CHECK: tile.atomic_rmw {{.*}} {tile_gpu.shared_offset = 0 : i64}
func.func @sequence(%p: !tile.ptr<i32>, %v: i32) attributes {tile.kernel} {
  %a = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i32
  %b = tile.atomic_rmw add relaxed device %p, %a : !tile.ptr<i32> -> i32
  %c = tile.atomic_rmw add relaxed device %p, %b : !tile.ptr<i32> -> i32
  // Nobody wants this one's old value.
  // CHECK: tile.atomic_rmw add relaxed device %{{.*}}, %{{.*}} : !tile.ptr<i32> -> i32
  %d = tile.atomic_rmw add relaxed device %p, %c : !tile.ptr<i32> -> i32
  return
}

// The last exchange of a loop comes before the first one: three in a loop need three places.
// CHECK-LABEL: @loop(
// CHECK-SAME: tile_gpu.shared_bytes = 48 : i64
// CHECK: tile.atomic_rmw {{.*}} {tile_gpu.shared_offset = 0 : i64}
// CHECK: tile.atomic_rmw {{.*}} {tile_gpu.shared_offset = 16 : i64}
// CHECK: tile.atomic_rmw {{.*}} {tile_gpu.shared_offset = 32 : i64}
func.func @loop(%p: !tile.ptr<i32>, %v: i32, %n: i32) attributes {tile.kernel} {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  scf.for %i = %zero to %n step %one : i32 {
    %a = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i32
    %b = tile.atomic_rmw add relaxed device %p, %a : !tile.ptr<i32> -> i32
    %c = tile.atomic_rmw add relaxed device %p, %b : !tile.ptr<i32> -> i32
    %d = tile.atomic_rmw add relaxed device %p, %c : !tile.ptr<i32> -> i32
  }
  return
}

// CHECK-LABEL: @none(
// CHECK-SAME: tile_gpu.shared_buffers = [], tile_gpu.shared_bytes = 0 : i64
func.func @none(%p: !tile.ptr<i32>) attributes {tile.kernel} {
  return
}

// Tiles without layouts exchange nothing yet.
// CHECK-LABEL: @layouts(
// CHECK-SAME: tile_gpu.shared_bytes = 0 : i64
func.func @layouts(%x: f32) attributes {tile.kernel} {
  %t = tile.splat %x : f32 -> tensor<128xf32>
  %s = tile.reduce %t axis 0 : (tensor<128xf32>) -> f32 {
  ^bb0(%a: f32, %b: f32):
    %c = arith.addf %a, %b : f32
    tile.yield %c : f32
  }
  return
}

// A ring has its bytes from its allocation to the end of its copies; exchanges in between lie above, others do not.
// CHECK-LABEL: @rings(
// CHECK-SAME: {bytes = 256 : i64, line = "{{[^"]*}}", name = "tile_gpu.alloc_ring", offset = 0 : i64}
// CHECK-SAME: {bytes = 256 : i64, line = "{{[^"]*}}", name = "tile_gpu.alloc_ring", offset = 256 : i64}
// CHECK-SAME: {bytes = 256 : i64, line = "{{[^"]*}}", name = "tile_gpu.alloc_ring", offset = 0 : i64}
// CHECK-SAME: tile_gpu.shared_bytes = 528 : i64
// CHECK: tile.atomic_rmw {{.*}} {tile_gpu.shared_offset = 0 : i64}
// CHECK: tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64}
// CHECK: tile_gpu.alloc_ring {tile_gpu.shared_offset = 256 : i64}
// CHECK: tile.atomic_rmw {{.*}} {tile_gpu.shared_offset = 512 : i64}
// CHECK: tile.atomic_rmw {{.*}} {tile_gpu.shared_offset = 0 : i64}
// CHECK: tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64}
#lanes = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
#straight = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16]]>
func.func @rings(%p: !tile.ptr<i32>, %v: i32, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %a = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i32
  %first = tile_gpu.alloc_ring : !tile_gpu.ring<2x32xi32, #straight>
  %second = tile_gpu.alloc_ring : !tile_gpu.ring<2x32xi32, #straight>
  scf.for %i = %zero to %n step %one : i32 {
    %x = tile_gpu.ring_load %first[%zero] : !tile_gpu.ring<2x32xi32, #straight> -> tensor<32xi32, #lanes>
    %y = tile_gpu.ring_load %second[%zero] : !tile_gpu.ring<2x32xi32, #straight> -> tensor<32xi32, #lanes>
    tile.print "x", %x, %y : tensor<32xi32, #lanes>, tensor<32xi32, #lanes>
  }
  %b = tile.atomic_rmw add relaxed device %p, %a : !tile.ptr<i32> -> i32
  tile_gpu.async_wait 0
  %c = tile.atomic_rmw add relaxed device %p, %b : !tile.ptr<i32> -> i32
  %third = tile_gpu.alloc_ring : !tile_gpu.ring<2x32xi32, #straight>
  %z = tile_gpu.ring_load %third[%zero] : !tile_gpu.ring<2x32xi32, #straight> -> tensor<32xi32, #lanes>
  tile.print "z", %z, %c : tensor<32xi32, #lanes>, i32
  return
}
