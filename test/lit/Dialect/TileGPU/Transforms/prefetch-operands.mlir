// RUN: kiln-opt %s --tile-gpu-prefetch-operands | FileCheck %s

#copy = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 4], [8, 0]], lane = [[0, 8], [0, 16], [1, 0], [2, 0], [4, 0]], warp = []>
#a = #tile_gpu.layout<register = [[0, 1], [8, 0], [0, 8], [0, 16]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>
#bcopy = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 4]], lane = [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0]], warp = []>
#b = #tile_gpu.layout<register = [[1, 0], [8, 0], [16, 0]], lane = [[2, 0], [4, 0], [0, 1], [0, 2], [0, 4]], warp = []>
#c = #tile_gpu.layout<register = [[0, 1], [8, 0]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>
#as = #tile_gpu.shared_layout<offset = [[0, 1], [0, 2], [0, 4], [0, 8], [0, 16], [1, 0], [2, 0], [4, 0], [8, 0]]>
#bs = #tile_gpu.shared_layout<offset = [[0, 1], [0, 2], [0, 4], [1, 0], [2, 0], [4, 0], [8, 0], [16, 0]]>

// Two products of 16 along K each. The wait stands before the last one, which has its operands already.

// CHECK-LABEL: @product(
// CHECK: %[[AS:.*]] = tile_gpu.alloc_ring : <3x16x32xf16, #shared>
// CHECK: %[[BS:.*]] = tile_gpu.alloc_ring : <3x32x8xf16, #shared1>
// CHECK: tile_gpu.async_wait 1
// CHECK-NEXT: %[[FIRST_A:.*]] = tile_gpu.ring_load %[[AS]][%c0_i32] at [0, 0] {tile_gpu.ahead = 0 : i64}
// CHECK-NEXT: %[[FIRST_B:.*]] = tile_gpu.ring_load %[[BS]][%c0_i32] at [0, 0] {tile_gpu.ahead = 0 : i64}
// CHECK-NEXT: scf.for {{.*}} iter_args(%[[C:.*]] = %{{.*}}, %[[SLOT:.*]] = %c0_i32, %[[A0:.*]] = %[[FIRST_A]], %[[B0:.*]] = %[[FIRST_B]])
// CHECK-NOT: tile_gpu.async_wait
// CHECK: arith.select
// CHECK: %[[NEXT:.*]] = arith.select
// CHECK-NEXT: %[[A1:.*]] = tile_gpu.ring_load %[[AS]][%[[SLOT]]] at [0, 16] {tile_gpu.ahead = 0 : i64} : {{.*}} -> tensor<16x16xf16
// CHECK-NEXT: %[[B1:.*]] = tile_gpu.ring_load %[[BS]][%[[SLOT]]] at [16, 0] {tile_gpu.ahead = 0 : i64} : {{.*}} -> tensor<16x8xf16
// CHECK-NEXT: tile_gpu.async_load {{.*}} to %[[AS]]
// CHECK-NEXT: tile_gpu.async_load {{.*}} to %[[BS]]
// CHECK-NEXT: tile_gpu.async_commit
// CHECK-NEXT: %[[HALF:.*]] = tile_gpu.mma %[[A0]], %[[B0]], %[[C]] warps [1, 1]
// CHECK-NEXT: tile_gpu.async_wait 1
// CHECK-NEXT: %[[A2:.*]] = tile_gpu.ring_load %[[AS]][%[[NEXT]]] at [0, 0] {tile_gpu.ahead = 1 : i64}
// CHECK-NEXT: %[[B2:.*]] = tile_gpu.ring_load %[[BS]][%[[NEXT]]] at [0, 0] {tile_gpu.ahead = 1 : i64}
// CHECK-NEXT: %[[WHOLE:.*]] = tile_gpu.mma %[[A1]], %[[B1]], %[[HALF]] warps [1, 1]
// CHECK-NEXT: scf.yield %[[WHOLE]], %[[NEXT]], %[[A2]], %[[B2]]
func.func @product(%p: tensor<16x32x!tile.ptr<f16>, #copy>, %q: tensor<32x8x!tile.ptr<f16>, #bcopy>, %n: i32, %zero: tensor<16x8xf32, #c>) -> tensor<16x8xf32, #c> {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %c3 = arith.constant 3 : i32
  %as = tile_gpu.alloc_ring : !tile_gpu.ring<3x16x32xf16, #as>
  %bs = tile_gpu.alloc_ring : !tile_gpu.ring<3x32x8xf16, #bs>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%c = %zero, %slot = %c0) -> (tensor<16x8xf32, #c>, i32) : i32 {
    tile_gpu.async_wait 1
    %is_first = arith.cmpi eq, %slot, %c0 : i32
    %before = arith.subi %slot, %c1 : i32
    %last = arith.select %is_first, %c2, %before : i32
    tile_gpu.async_load %p to %as[%last] {tile_gpu.ahead = 2 : i64} : tensor<16x32x!tile.ptr<f16>, #copy> to !tile_gpu.ring<3x16x32xf16, #as>
    tile_gpu.async_load %q to %bs[%last] {tile_gpu.ahead = 2 : i64} : tensor<32x8x!tile.ptr<f16>, #bcopy> to !tile_gpu.ring<3x32x8xf16, #bs>
    tile_gpu.async_commit
    %a = tile_gpu.ring_load %as[%slot] {tile_gpu.ahead = 0 : i64} : !tile_gpu.ring<3x16x32xf16, #as> -> tensor<16x32xf16, #a>
    %b = tile_gpu.ring_load %bs[%slot] {tile_gpu.ahead = 0 : i64} : !tile_gpu.ring<3x32x8xf16, #bs> -> tensor<32x8xf16, #b>
    %d = tile_gpu.mma %a, %b, %c warps [1, 1] : tensor<16x32xf16, #a>, tensor<32x8xf16, #b> -> tensor<16x8xf32, #c>
    %then = arith.addi %slot, %c1 : i32
    %is_end = arith.cmpi eq, %then, %c3 : i32
    %next = arith.select %is_end, %c0, %then : i32
    scf.yield %d, %next : tensor<16x8xf32, #c>, i32
  }
  tile_gpu.async_wait 0
  return %r#0 : tensor<16x8xf32, #c>
}

// A store between the wait and the product stays behind the wait, and so does everything.
// CHECK-LABEL: @stores(
// CHECK: scf.for
// CHECK-NEXT: tile_gpu.async_wait 1
// CHECK-NOT: tile_gpu.async_wait
// CHECK: tile_gpu.mma {{.*}} : tensor<16x32xf16
func.func @stores(%p: tensor<16x32x!tile.ptr<f16>, #copy>, %q: tensor<32x8x!tile.ptr<f16>, #bcopy>, %n: i32, %zero: tensor<16x8xf32, #c>, %o: !tile.ptr<i32>) -> tensor<16x8xf32, #c> {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %as = tile_gpu.alloc_ring : !tile_gpu.ring<3x16x32xf16, #as>
  %bs = tile_gpu.alloc_ring : !tile_gpu.ring<3x32x8xf16, #bs>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%c = %zero, %slot = %c0) -> (tensor<16x8xf32, #c>, i32) : i32 {
    tile_gpu.async_wait 1
    tile_gpu.async_load %p to %as[%slot] : tensor<16x32x!tile.ptr<f16>, #copy> to !tile_gpu.ring<3x16x32xf16, #as>
    tile_gpu.async_load %q to %bs[%slot] : tensor<32x8x!tile.ptr<f16>, #bcopy> to !tile_gpu.ring<3x32x8xf16, #bs>
    tile_gpu.async_commit
    tile.store %o, %i : !tile.ptr<i32>
    %a = tile_gpu.ring_load %as[%slot] : !tile_gpu.ring<3x16x32xf16, #as> -> tensor<16x32xf16, #a>
    %b = tile_gpu.ring_load %bs[%slot] : !tile_gpu.ring<3x32x8xf16, #bs> -> tensor<32x8xf16, #b>
    %d = tile_gpu.mma %a, %b, %c warps [1, 1] : tensor<16x32xf16, #a>, tensor<32x8xf16, #b> -> tensor<16x8xf32, #c>
    scf.yield %d, %slot : tensor<16x8xf32, #c>, i32
  }
  tile_gpu.async_wait 0
  return %r#0 : tensor<16x8xf32, #c>
}

// The next slot is read from memory behind the product: it is not known early enough.
// CHECK-LABEL: @dependent(
// CHECK: scf.for
// CHECK-NEXT: tile_gpu.async_wait 1
// CHECK-NOT: tile_gpu.async_wait
// CHECK: tile_gpu.mma {{.*}} : tensor<16x32xf16
func.func @dependent(%p: tensor<16x32x!tile.ptr<f16>, #copy>, %q: tensor<32x8x!tile.ptr<f16>, #bcopy>, %n: i32, %zero: tensor<16x8xf32, #c>, %o: !tile.ptr<i32>) -> tensor<16x8xf32, #c> {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %as = tile_gpu.alloc_ring : !tile_gpu.ring<3x16x32xf16, #as>
  %bs = tile_gpu.alloc_ring : !tile_gpu.ring<3x32x8xf16, #bs>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%c = %zero, %slot = %c0) -> (tensor<16x8xf32, #c>, i32) : i32 {
    tile_gpu.async_wait 1
    tile_gpu.async_load %p to %as[%slot] : tensor<16x32x!tile.ptr<f16>, #copy> to !tile_gpu.ring<3x16x32xf16, #as>
    tile_gpu.async_load %q to %bs[%slot] : tensor<32x8x!tile.ptr<f16>, #bcopy> to !tile_gpu.ring<3x32x8xf16, #bs>
    tile_gpu.async_commit
    %a = tile_gpu.ring_load %as[%slot] : !tile_gpu.ring<3x16x32xf16, #as> -> tensor<16x32xf16, #a>
    %b = tile_gpu.ring_load %bs[%slot] : !tile_gpu.ring<3x32x8xf16, #bs> -> tensor<32x8xf16, #b>
    %d = tile_gpu.mma %a, %b, %c warps [1, 1] : tensor<16x32xf16, #a>, tensor<32x8xf16, #b> -> tensor<16x8xf32, #c>
    %next = tile.load %o : !tile.ptr<i32> -> i32
    scf.yield %d, %next : tensor<16x8xf32, #c>, i32
  }
  tile_gpu.async_wait 0
  return %r#0 : tensor<16x8xf32, #c>
}
