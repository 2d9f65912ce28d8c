// What the emulator is told of conversions: which element each register holds before, and after.
// RUN: kiln-opt %s --tile-gpu-allocate-shared --tile-gpu-lower-to-threads=check-exchanges=true --split-input-file | FileCheck %s

#a = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = [[0]]>
#b = #tile_gpu.layout<register = [[2]], lane = [[1], [4], [8], [16], [32]], warp = [[0]]>

// CHECK-LABEL: @within_warps(
// CHECK: %[[X1:.*]] = arith.addi %[[X0:.*]], %{{.*}} : i32
// CHECK: %[[BITS0:.*]] = arith.extui %[[X0]] : i32 to i64
// CHECK: %[[BITS1:.*]] = arith.extui %[[X1]] : i32 to i64
// CHECK: tile_gpu.machine "exchange.sent"(%[[I0:.*]], %[[BITS0]], %{{.*}}, %[[BITS1]]) {exchange = "warp 0"} : (i32, i64, i32, i64) -> ()
// CHECK: shfl.sync
// CHECK: tile_gpu.machine "exchange.received"(%{{.*}}) {exchange = "warp 0"} : (i32, i64, i32, i64) -> ()
func.func @within_warps() attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %x = tile.arange 0 to 64 : tensor<64xi32, #a>
  %y = tile_gpu.convert_layout %x : tensor<64xi32, #a> -> tensor<64xi32, #b>
  return
}

// -----

#a = #tile_gpu.layout<register = [], lane = [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0]], warp = [[0, 1]]>
#b = #tile_gpu.layout<register = [], lane = [[0, 1], [2, 0], [4, 0], [8, 0], [16, 0]], warp = [[1, 0]]>

// Elements are numbered row by row. All NaNs count as the same.
// CHECK-LABEL: @between_warps(
// CHECK: %[[TWO:.*]] = arith.constant 2 : i32
// CHECK: %[[ROW:.*]] = arith.muli %{{.*}}, %[[TWO]] : i32
// CHECK: %[[INDEX:.*]] = arith.addi %[[ROW]], %{{.*}} : i32
// CHECK: %[[BITS:.*]] = arith.bitcast %arg0 : f16 to i16
// CHECK: %[[IS_NAN:.*]] = arith.cmpf uno, %arg0, %arg0 : f16
// CHECK: %[[NAN:.*]] = arith.constant -1 : i16
// CHECK: %[[SAME:.*]] = arith.select %[[IS_NAN]], %[[NAN]], %[[BITS]] : i16
// CHECK: %[[WIDE:.*]] = arith.extui %[[SAME]] : i16 to i64
// CHECK: "exchange.sent"(%[[INDEX]], %[[WIDE]]) {exchange = "program 0"} : (i32, i64) -> ()
// CHECK: st.shared
// CHECK: bar.sync
// CHECK: ld.shared
// CHECK: "exchange.received"({{.*}}) {exchange = "program 0"} : (i32, i64) -> ()
func.func @between_warps(%x: f16) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %s = tile.splat %x : f16 -> tensor<32x2xf16, #a>
  %y = tile_gpu.convert_layout %s : tensor<32x2xf16, #a> -> tensor<32x2xf16, #b>
  return
}
