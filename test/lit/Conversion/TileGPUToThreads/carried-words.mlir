// RUN: kiln-opt %s -tile-gpu-lower-to-threads | FileCheck %s

#two = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>

// What a loop carries of 16 bits is carried in words.
// CHECK-LABEL: @carried(
// CHECK: %[[FIRST:.*]] = tile_gpu.machine "pack.b16x2"(
// CHECK: scf.for {{.*}} iter_args(%[[WORD:.*]] = %[[FIRST]]) -> (i32)
// CHECK-NEXT: tile_gpu.machine "unpack.b16x2"(%[[WORD]])
// CHECK: %[[NEXT:.*]] = tile_gpu.machine "pack.b16x2"(
// CHECK-NEXT: scf.yield %[[NEXT]] : i32
// CHECK-NEXT: }
// CHECK-NEXT: tile_gpu.machine "unpack.b16x2"(
func.func @carried(%out: !tile.ptr<f16> {tile.divisibility = 16 : i64}, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %i = tile.arange 0 to 64 : tensor<64xi32, #two>
  %x = arith.sitofp %i : tensor<64xi32, #two> to tensor<64xf16, #two>
  %y = scf.for %j = %c0 to %n step %c1 iter_args(%z = %x) -> (tensor<64xf16, #two>) : i32 {
    %w = arith.addf %z, %x : tensor<64xf16, #two>
    scf.yield %w : tensor<64xf16, #two>
  }
  %base = tile.splat %out : !tile.ptr<f16> -> tensor<64x!tile.ptr<f16>, #two>
  %p = tile.addptr %base, %i : tensor<64x!tile.ptr<f16>, #two>, tensor<64xi32, #two>
  tile.store %p, %y : tensor<64x!tile.ptr<f16>, #two>
  return
}
