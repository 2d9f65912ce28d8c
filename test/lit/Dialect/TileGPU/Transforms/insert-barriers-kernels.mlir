// RUN: kiln-opt %s --tile-gpu-insert-barriers --split-input-file | FileCheck %s

// Two reductions in the same bytes: the second one would write what slower threads still read.
// CHECK-LABEL: @shared(
// CHECK: tile.reduce
// CHECK: tile_gpu.barrier
// CHECK: tile.reduce
// CHECK: tile.reduce {{.*}}tile_gpu.shared_offset = 256
// CHECK-NOT: tile_gpu.barrier
// CHECK: return
#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32]]>
func.func @shared(%x: f32) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %s = tile.splat %x : f32 -> tensor<64xf32, #l>
  %a = tile.reduce %s axis 0 {tile_gpu.shared_offset = 0 : i64} : (tensor<64xf32, #l>) -> f32 {
  ^bb0(%u: f32, %v: f32):
    %w = arith.addf %u, %v : f32
    tile.yield %w : f32
  }
  %b = tile.reduce %s axis 0 {tile_gpu.shared_offset = 0 : i64} : (tensor<64xf32, #l>) -> f32 {
  ^bb0(%u: f32, %v: f32):
    %w = arith.addf %u, %v : f32
    tile.yield %w : f32
  }
  %c = tile.reduce %s axis 0 {tile_gpu.shared_offset = 256 : i64} : (tensor<64xf32, #l>) -> f32 {
  ^bb0(%u: f32, %v: f32):
    %w = arith.addf %u, %v : f32
    tile.yield %w : f32
  }
  return
}

// -----

// One reduction in a loop meets itself.
// CHECK-LABEL: @loop(
// CHECK: scf.for
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.reduce
#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32]]>
func.func @loop(%x: f32, %n: i32) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %s = tile.splat %x : f32 -> tensor<64xf32, #l>
  scf.for %i = %c0 to %n step %c1 : i32 {
    %a = tile.reduce %s axis 0 {tile_gpu.shared_offset = 0 : i64} : (tensor<64xf32, #l>) -> f32 {
    ^bb0(%u: f32, %v: f32):
      %w = arith.addf %u, %v : f32
      tile.yield %w : f32
    }
  }
  return
}

// -----

// What was stored may be loaded by another thread, except through the same pointers; read-only memory is not stored to.
// CHECK-LABEL: @global(
// CHECK: tile.load
// CHECK-NOT: tile_gpu.barrier
// CHECK: tile.store
// CHECK-NEXT: tile.load
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.load
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.store
// CHECK-NOT: tile_gpu.barrier
#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32]]>
func.func @global(%x: !tile.ptr<f32> {tile.readonly}, %y: !tile.ptr<f32>, %z: !tile.ptr<f32>) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %i = tile.arange 0 to 64 : tensor<64xi32, #l>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>, #l>
  %ys = tile.splat %y : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>, #l>
  %zs = tile.splat %z : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>, #l>
  %p = tile.addptr %ys, %i : tensor<64x!tile.ptr<f32>, #l>, tensor<64xi32, #l>
  %q = tile.addptr %zs, %i : tensor<64x!tile.ptr<f32>, #l>, tensor<64xi32, #l>
  %v = tile.load %xs : tensor<64x!tile.ptr<f32>, #l> -> tensor<64xf32, #l>
  tile.store %p, %v : tensor<64x!tile.ptr<f32>, #l>
  %a = tile.load %p : tensor<64x!tile.ptr<f32>, #l> -> tensor<64xf32, #l>
  %b = tile.load %q : tensor<64x!tile.ptr<f32>, #l> -> tensor<64xf32, #l>
  tile.store %p, %b : tensor<64x!tile.ptr<f32>, #l>
  return
}

// -----

// A pointer of the last iteration is another one; a branch counts as if both sides had run.
// CHECK-LABEL: @iterations(
// CHECK: scf.for
// CHECK: tile_gpu.barrier
// CHECK-NEXT: tile.store
// CHECK: }
// CHECK: scf.if
// CHECK: tile_gpu.barrier
// CHECK-NEXT: tile.store
// CHECK: }
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.load
#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32]]>
func.func @iterations(%y: !tile.ptr<f32>, %x: f32, %n: i32, %c: i1) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %v = tile.splat %x : f32 -> tensor<64xf32, #l>
  %is = tile.arange 0 to 64 : tensor<64xi32, #l>
  scf.for %i = %c0 to %n step %c1 : i32 {
    %yi = tile.addptr %y, %i : !tile.ptr<f32>, i32
    %ys = tile.splat %yi : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>, #l>
    %p = tile.addptr %ys, %is : tensor<64x!tile.ptr<f32>, #l>, tensor<64xi32, #l>
    tile.store %p, %v : tensor<64x!tile.ptr<f32>, #l>
  }
  %ys = tile.splat %y : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>, #l>
  scf.if %c {
    tile.store %ys, %v : tensor<64x!tile.ptr<f32>, #l>
  }
  %w = tile.load %ys : tensor<64x!tile.ptr<f32>, #l> -> tensor<64xf32, #l>
  return
}

// -----

// Scalars: the first thread stores one after the other, but all threads load.
// CHECK-LABEL: @scalars(
// CHECK: tile.store
// CHECK-NEXT: tile.store
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.load
func.func @scalars(%y: !tile.ptr<f32>, %z: !tile.ptr<f32>, %x: f32) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  tile.store %y, %x : !tile.ptr<f32>
  tile.store %z, %x : !tile.ptr<f32>
  %w = tile.load %y : !tile.ptr<f32> -> f32
  return
}
