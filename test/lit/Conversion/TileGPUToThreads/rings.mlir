// RUN: kiln-opt %s --tile-gpu-lower-to-threads -cse | FileCheck %s
// RUN: kiln-opt %s --tile-gpu-lower-to-threads | FileCheck %s --check-prefix=RECORDS

// 32 rows of 64 f16 over two warps: a thread copies 8 elements, four times.
#rows = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 4], [8, 0], [16, 0]], lane = [[0, 8], [0, 16], [0, 32], [1, 0], [2, 0]], warp = [[4, 0]]>
// The second operand of mma.sync, [64, 32] transposed, with both warps along its columns.
#operand = #tile_gpu.layout<register = [[0, 1], [0, 8], [0, 16], [0, 32], [16, 0]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = [[8, 0]]>
// The same for [32, 64].
#trans = #tile_gpu.layout<register = [[1, 0], [8, 0], [16, 0], [0, 16], [0, 32]], lane = [[2, 0], [4, 0], [0, 1], [0, 2], [0, 4]], warp = [[0, 8]]>
#swizzled = #tile_gpu.shared_layout<offset = [[0, 1], [0, 2], [0, 4], [0, 8], [0, 16], [0, 32], [1, 8], [2, 16], [4, 32], [8, 0], [16, 0]]>
#one = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32]]>
#straight = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16], [32]]>

// Each lane that is off copies nothing, which fills with zeros. A slot has 4096 bytes.
// CHECK-LABEL: @operands(
// CHECK-DAG: %[[SLOT:.*]] = arith.muli %arg{{.*}}, %c4096_i32
// CHECK-DAG: %[[SIZE:.*]] = arith.select %{{.*}}, %c16_i32, %c0_i32
// CHECK-COUNT-4: tile_gpu.machine "cp.async.cg.16"(%{{.*}}, %{{.*}}, %[[SIZE]]) : (i32, i64, i32) -> ()
// CHECK-NEXT: tile_gpu.machine "cp.async.commit_group"()
// CHECK-NEXT: tile_gpu.machine "cp.async.wait_group.1"()
// CHECK-NEXT: tile_gpu.machine "bar.sync"()
// CHECK-COUNT-4: tile_gpu.machine "ldmatrix.x4"(
// CHECK-NOT: ld.shared
// CHECK-COUNT-4: tile_gpu.machine "ldmatrix.x4.trans"(
// CHECK-NOT: ld.shared
// CHECK-COUNT-4: tile_gpu.machine "ld.shared.v4.b32"(
// The machine has no wait for more groups.
// CHECK: tile_gpu.machine "cp.async.wait_group.7"()
// RECORDS-LABEL: @operands(
// RECORDS-SAME: tile_gpu.accesses = [{bits = 128 : i32, count = 4 : i32, kind = "load", limit = "none", pipeline = "pipelined in 3 stages", place = "{{[^"]*}}", predicated = true, read_only = true, type = "32x64xf16"}]
func.func @operands(%in: !tile.ptr<f16> {tile.divisibility = 16 : i64, tile.readonly}, %slot: i32, %on: i1) attributes {tile.kernel, tile.num_warps = 2 : i32, tile_gpu.shared_bytes = 12288 : i64} {
  %i = tile.arange 0 to 2048 : tensor<2048xi32, #tile_gpu.layout<register = [[1], [2], [4], [512], [1024]], lane = [[8], [16], [32], [64], [128]], warp = [[256]]>>
  %at = tile.reshape %i : tensor<2048xi32, #tile_gpu.layout<register = [[1], [2], [4], [512], [1024]], lane = [[8], [16], [32], [64], [128]], warp = [[256]]>> -> tensor<32x64xi32, #rows>
  %base = tile.splat %in : !tile.ptr<f16> -> tensor<32x64x!tile.ptr<f16>, #rows>
  %p = tile.addptr %base, %at : tensor<32x64x!tile.ptr<f16>, #rows>, tensor<32x64xi32, #rows>
  %m = tile.splat %on : i1 -> tensor<32x64xi1, #rows>
  %ring = tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64} : !tile_gpu.ring<3x32x64xf16, #swizzled>
  tile_gpu.async_load %p mask %m : tensor<32x64xi1, #rows> to %ring[%slot] {tile_gpu.pipeline = "pipelined in 3 stages"} : tensor<32x64x!tile.ptr<f16>, #rows> to !tile_gpu.ring<3x32x64xf16, #swizzled>
  tile_gpu.async_commit
  tile_gpu.async_wait 1
  tile_gpu.barrier
  %a = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<3x32x64xf16, #swizzled> -> tensor<32x64xf16, #operand>
  %b = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<3x32x64xf16, #swizzled> -> tensor<32x64xf16, #trans>
  %c = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<3x32x64xf16, #swizzled> -> tensor<32x64xf16, #rows>
  tile_gpu.async_wait 9
  return
}

// Smaller pieces: 4 bytes of a thread, and 2, which go through a register. What stands in front of a loop has no record.
// CHECK-LABEL: @narrow(
// CHECK: tile_gpu.machine "cp.async.ca.4"(
// CHECK: %[[VALUE:.*]] = tile_gpu.machine "ld.global.b16.pred"(
// CHECK-NEXT: tile_gpu.machine "st.shared.b16"(%{{.*}}, %[[VALUE]])
// CHECK: %[[ALL:.*]] = tile_gpu.machine "ld.global.b16"(
// CHECK-NEXT: tile_gpu.machine "st.shared.b16"(%{{.*}}, %[[ALL]])
// CHECK: tile_gpu.machine "ld.shared.b32"(
// RECORDS-LABEL: @narrow(
// RECORDS-NOT: "64xf32"
// RECORDS-SAME: bits = 16 : i32, count = 1 : i32, kind = "load"
func.func @narrow(%f: !tile.ptr<f32>, %h: !tile.ptr<f16>, %slot: i32, %on: i1) attributes {tile.kernel, tile.num_warps = 2 : i32, tile_gpu.shared_bytes = 768 : i64} {
  %i = tile.arange 0 to 64 : tensor<64xi32, #one>
  %f_base = tile.splat %f : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>, #one>
  %h_base = tile.splat %h : !tile.ptr<f16> -> tensor<64x!tile.ptr<f16>, #one>
  %f_p = tile.addptr %f_base, %i : tensor<64x!tile.ptr<f32>, #one>, tensor<64xi32, #one>
  %h_p = tile.addptr %h_base, %i : tensor<64x!tile.ptr<f16>, #one>, tensor<64xi32, #one>
  %m = tile.splat %on : i1 -> tensor<64xi1, #one>
  %wide = tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64} : !tile_gpu.ring<2x64xf32, #straight>
  %narrow = tile_gpu.alloc_ring {tile_gpu.shared_offset = 512 : i64} : !tile_gpu.ring<2x64xf16, #straight>
  tile_gpu.async_load %f_p to %wide[%slot] {tile_gpu.prologue} : tensor<64x!tile.ptr<f32>, #one> to !tile_gpu.ring<2x64xf32, #straight>
  tile_gpu.async_load %h_p mask %m : tensor<64xi1, #one> to %narrow[%slot] : tensor<64x!tile.ptr<f16>, #one> to !tile_gpu.ring<2x64xf16, #straight>
  tile_gpu.async_load %h_p to %narrow[%slot] : tensor<64x!tile.ptr<f16>, #one> to !tile_gpu.ring<2x64xf16, #straight>
  %x = tile_gpu.ring_load %wide[%slot] : !tile_gpu.ring<2x64xf32, #straight> -> tensor<64xf32, #one>
  return
}

// Half of the columns of a first operand, [32, 32] at column 32: its offset is exclusive-ored to the part that the
// thread has by the swizzle; the two blocks of rows are constants behind that.
#part = #tile_gpu.layout<register = [[0, 1], [8, 0], [0, 8], [0, 16]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = [[16, 0]]>
// CHECK-LABEL: @parts(
// CHECK: %[[MOVED:.*]] = arith.xori %{{.*}}, %c64_i32
// CHECK: %[[START:.*]] = arith.addi %{{.*}}, %[[MOVED]]
// CHECK: tile_gpu.machine "ldmatrix.x4"(%[[START]])
// CHECK: tile_gpu.machine "ldmatrix.x4"(
// CHECK-NOT: ldmatrix
func.func @parts(%slot: i32) attributes {tile.kernel, tile.num_warps = 2 : i32, tile_gpu.shared_bytes = 12288 : i64} {
  %ring = tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64} : !tile_gpu.ring<3x32x64xf16, #swizzled>
  %a = tile_gpu.ring_load %ring[%slot] at [0, 32] : !tile_gpu.ring<3x32x64xf16, #swizzled> -> tensor<32x32xf16, #part>
  return
}
