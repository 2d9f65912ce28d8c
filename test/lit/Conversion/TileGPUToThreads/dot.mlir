// RUN: kiln-opt %s --tile-gpu-lower-to-threads --canonicalize --split-input-file | FileCheck %s

#a = #tile_gpu.layout<register = [[0, 1]], lane = [[0, 2], [1, 0], [2, 0], [4, 0], [0, 0]], warp = []>
#b = #tile_gpu.layout<register = [], lane = [[0, 1], [0, 2], [0, 4], [1, 0], [2, 0]], warp = []>
#c = #tile_gpu.layout<register = [[0, 1]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>

// The operands go to shared memory, rows of 4 + 4 and of 8 + 4 elements; the threads that hold copies of `a` write nothing.
// Each thread reads the 4 of its row of `a` at once and two columns of `b`, and sums k by k.
// CHECK-LABEL: func.func @short(
// CHECK: %[[BASE:.*]] = tile_gpu.machine "shared.base"
// CHECK: %[[START:.*]] = arith.addi %[[BASE]], %c64_i32
// CHECK: tile_gpu.machine "st.shared.v2.b32.pred"(%{{.*}}) : (i32, i1, i32, i32) -> ()
// CHECK: tile_gpu.machine "st.shared.b32"(%{{.*}}) : (i32, i32) -> ()
// CHECK-NOT: st.shared
// CHECK: tile_gpu.machine "bar.sync"
// CHECK: %[[A:.*]]:4 = tile_gpu.machine "ld.shared.v4.b32"
// CHECK: %[[A0:.*]] = arith.bitcast %[[A]]#0 : i32 to f32
// CHECK: %[[B0:.*]]:2 = tile_gpu.machine "ld.shared.v2.b32"
// CHECK: %[[B00:.*]] = arith.bitcast %[[B0]]#0 : i32 to f32
// CHECK: %[[S0:.*]] = math.fma %[[A0]], %[[B00]], %[[X:.*]] : f32
// CHECK: math.fma %[[A0]], %{{.*}}, %[[X]] : f32
// CHECK: ld.shared.v2.b32
// CHECK: math.fma %{{.*}}, %{{.*}}, %[[S0]] : f32
// CHECK-COUNT-2: ld.shared.v2.b32
// CHECK-NOT: ld.shared
// CHECK-NOT: bar.sync
func.func @short(%p: !tile.ptr<f32>, %x: f32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %a = tile.splat %x : f32 -> tensor<8x4xf32, #a>
  %b = tile.splat %x : f32 -> tensor<4x8xf32, #b>
  %c = tile.splat %x : f32 -> tensor<8x8xf32, #c>
  %d = tile.dot %a, %b, %c {tile_gpu.shared_offset = 64 : i64} : tensor<8x4xf32, #a>, tensor<4x8xf32, #b> -> tensor<8x8xf32, #c>
  tile.print "d" %d : tensor<8x8xf32, #c>
  return
}
