// RUN: kiln-opt %s | kiln-opt | FileCheck %s

#rows = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 4]], lane = [[0, 8], [1, 0], [2, 0], [4, 0], [8, 0]], warp = []>
#swizzled = #tile_gpu.shared_layout<offset = [[0, 1], [0, 2], [0, 4], [0, 8], [1, 0], [2, 0], [4, 8], [8, 0]]>

// CHECK: #shared = #tile_gpu.shared_layout<offset = {{\[\[}}0, 1], [0, 2], [0, 4], [0, 8], [1, 0], [2, 0], [4, 8], [8, 0]]>

// CHECK-LABEL: @ring(
func.func @ring(%p: tensor<16x16x!tile.ptr<f16>, #rows>, %m: tensor<16x16xi1, #rows>, %slot: i32) -> tensor<16x16xf16, #rows> {
  // CHECK: %[[RING:.*]] = tile_gpu.alloc_ring : <3x16x16xf16, #shared>
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<3x16x16xf16, #swizzled>
  // CHECK: tile_gpu.async_load %{{.*}} to %[[RING]][%{{.*}}] : tensor<16x16x!tile.ptr<f16>, #layout> to <3x16x16xf16, #shared>
  tile_gpu.async_load %p to %ring[%slot] : tensor<16x16x!tile.ptr<f16>, #rows> to !tile_gpu.ring<3x16x16xf16, #swizzled>
  // CHECK: tile_gpu.async_load %{{.*}} evict_first to %[[RING]][%{{.*}}] : tensor<16x16x!tile.ptr<f16>, #layout> to <3x16x16xf16, #shared>
  tile_gpu.async_load %p evict_first to %ring[%slot] : tensor<16x16x!tile.ptr<f16>, #rows> to !tile_gpu.ring<3x16x16xf16, #swizzled>
  // CHECK: tile_gpu.async_load %{{.*}} mask %{{.*}} : tensor<16x16xi1, #layout> evict_first to %[[RING]]
  tile_gpu.async_load %p mask %m : tensor<16x16xi1, #rows> evict_first to %ring[%slot] : tensor<16x16x!tile.ptr<f16>, #rows> to !tile_gpu.ring<3x16x16xf16, #swizzled>
  // CHECK: tile_gpu.async_load %{{.*}} mask %{{.*}} : tensor<16x16xi1, #layout> to %[[RING]][%{{.*}}] {tile_gpu.pipeline = "how"}
  tile_gpu.async_load %p mask %m : tensor<16x16xi1, #rows> to %ring[%slot] {tile_gpu.pipeline = "how"} : tensor<16x16x!tile.ptr<f16>, #rows> to !tile_gpu.ring<3x16x16xf16, #swizzled>
  // CHECK: tile_gpu.async_commit
  tile_gpu.async_commit
  // CHECK: tile_gpu.async_wait 1
  tile_gpu.async_wait 1
  // CHECK: tile_gpu.ring_load %[[RING]][%{{.*}}] : <3x16x16xf16, #shared> -> tensor<16x16xf16, #layout>
  %x = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<3x16x16xf16, #swizzled> -> tensor<16x16xf16, #rows>
  return %x : tensor<16x16xf16, #rows>
}
