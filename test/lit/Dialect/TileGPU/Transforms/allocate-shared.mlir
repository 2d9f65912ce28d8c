// RUN: kiln-opt %s -tile-gpu-allocate-shared | FileCheck %s

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
