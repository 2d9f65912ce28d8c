// RUN: kiln-opt %s --tile-gpu-remove-conversions --canonicalize --split-input-file | FileCheck %s

#a = #tile_gpu.layout<register = [[1], [64]], lane = [[2], [4], [8], [16], [32]], warp = []>
#b = #tile_gpu.layout<register = [[32], [64]], lane = [[1], [2], [4], [8], [16]], warp = []>

// Indices and masks are made anew.
// CHECK-LABEL: @cheap(
// CHECK-NOT: convert_layout
// CHECK: %[[I:.*]] = tile.arange 0 to 128 : tensor<128xi32, #[[B:.*]]>
// CHECK: %[[N:.*]] = tile.splat %{{.*}} : i32 -> tensor<128xi32, #[[B]]>
// CHECK: arith.cmpi slt, %[[I]], %[[N]] : tensor<128xi32, #[[B]]>
func.func @cheap(%n: i32) -> tensor<128xi1, #b> {
  %i = tile.arange 0 to 128 : tensor<128xi32, #a>
  %ns = tile.splat %n : i32 -> tensor<128xi32, #a>
  %m = arith.cmpi slt, %i, %ns : tensor<128xi32, #a>
  %c = tile_gpu.convert_layout %m : tensor<128xi1, #a> -> tensor<128xi1, #b>
  return %c : tensor<128xi1, #b>
}

// -----

#a = #tile_gpu.layout<register = [[1], [64]], lane = [[2], [4], [8], [16], [32]], warp = []>
#b = #tile_gpu.layout<register = [[32], [64]], lane = [[1], [2], [4], [8], [16]], warp = []>

// What was loaded from memory that may change, and what a loop carries, is converted.
// CHECK-LABEL: @dear(
// CHECK: %[[V:.*]] = tile.load
// CHECK: tile_gpu.convert_layout %[[V]]
func.func @dear(%p: tensor<128x!tile.ptr<f32>, #a>) -> tensor<128xf32, #b> {
  %v = tile.load %p : tensor<128x!tile.ptr<f32>, #a> -> tensor<128xf32, #a>
  %c = tile_gpu.convert_layout %v : tensor<128xf32, #a> -> tensor<128xf32, #b>
  return %c : tensor<128xf32, #b>
}

// -----

#a = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 4], [0, 8], [32, 0], [64, 0]], lane = [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0]], warp = []>
#arow = #tile_gpu.layout<register = [[32, 0], [64, 0]], lane = [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0]], warp = []>
#b = #tile_gpu.layout<register = [[0, 1], [8, 0], [16, 0], [32, 0], [64, 0], [4, 0]], lane = [[0, 2], [0, 4], [0, 8], [1, 0], [2, 0]], warp = []>

// Instead of a tile its row is converted, which is loaded and must not be loaded twice.
// CHECK-LABEL: @row(
// CHECK: %[[V:.*]] = tile.load
// CHECK: %[[C:.*]] = tile_gpu.convert_layout %[[V]] : tensor<128x1xf32, #{{.*}}> -> tensor<128x1xf32, #[[R:.*]]>
// CHECK: tile.broadcast %[[C]] : tensor<128x1xf32, #[[R]]> -> tensor<128x16xf32, #
// CHECK-NOT: convert_layout
func.func @row(%p: tensor<128x1x!tile.ptr<f32>, #arow>) -> tensor<128x16xf32, #b> {
  %v = tile.load %p : tensor<128x1x!tile.ptr<f32>, #arow> -> tensor<128x1xf32, #arow>
  %t = tile.broadcast %v : tensor<128x1xf32, #arow> -> tensor<128x16xf32, #a>
  %c = tile_gpu.convert_layout %t : tensor<128x16xf32, #a> -> tensor<128x16xf32, #b>
  return %c : tensor<128x16xf32, #b>
}

// -----

#a = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [0]], warp = []>
#b = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>

// A small table in read-only memory is read twice.
// CHECK-LABEL: @table(
// CHECK-NOT: convert_layout
// CHECK: %[[V:.*]] = tile.load %{{.*}} : tensor<32x!tile.ptr<i32>, #[[A:.*]]> -> tensor<32xi32, #[[A]]>
// CHECK: %[[W:.*]] = tile.load %{{.*}} : tensor<32x!tile.ptr<i32>, #[[B:.*]]> -> tensor<32xi32, #[[B]]>
// CHECK: tile.print "v", %[[V]], %[[W]] : tensor<32xi32, #[[A]]>, tensor<32xi32, #[[B]]>
func.func @table(%t: !tile.ptr<i32> {tile.readonly}) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 32 : tensor<32xi32, #a>
  %ts = tile.splat %t : !tile.ptr<i32> -> tensor<32x!tile.ptr<i32>, #a>
  %p = tile.addptr %ts, %i : tensor<32x!tile.ptr<i32>, #a>, tensor<32xi32, #a>
  %v = tile.load %p : tensor<32x!tile.ptr<i32>, #a> -> tensor<32xi32, #a>
  %c = tile_gpu.convert_layout %v : tensor<32xi32, #a> -> tensor<32xi32, #b>
  tile.print "v", %v, %c : tensor<32xi32, #a>, tensor<32xi32, #b>
  return
}

// -----

#a = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [0]], warp = []>
#b = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>

// Also where a launch in front may write it: both loads stand behind the wait.
// CHECK-LABEL: @overlapping_table(
// CHECK: tile.wait_for_launches
// CHECK-COUNT-2: tile.load
// CHECK-NOT: convert_layout
// CHECK: tile.print
func.func @overlapping_table(%t: !tile.ptr<i32> {tile.readonly}) attributes {tile.kernel, tile.num_warps = 1 : i32, tile.overlaps} {
  %i = tile.arange 0 to 32 : tensor<32xi32, #a>
  %ts = tile.splat %t : !tile.ptr<i32> -> tensor<32x!tile.ptr<i32>, #a>
  %p = tile.addptr %ts, %i : tensor<32x!tile.ptr<i32>, #a>, tensor<32xi32, #a>
  tile.wait_for_launches
  %v = tile.load %p : tensor<32x!tile.ptr<i32>, #a> -> tensor<32xi32, #a>
  %c = tile_gpu.convert_layout %v : tensor<32xi32, #a> -> tensor<32xi32, #b>
  tile.print "v", %v, %c : tensor<32xi32, #a>, tensor<32xi32, #b>
  return
}
