// RUN: kiln-opt %s --tile-gpu-lower-to-threads --split-input-file | FileCheck %s

#a = #tile_gpu.layout<register = [[0, 1]], lane = [[0, 2], [1, 0], [2, 0], [4, 0], [0, 0]], warp = []>
#b = #tile_gpu.layout<register = [], lane = [[0, 1], [0, 2], [0, 4], [1, 0], [2, 0]], warp = []>
#c = #tile_gpu.layout<register = [[0, 1]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>

// The operands go to shared memory; the threads that hold copies of `a` write nothing. Each thread reads the 4 elements
// of its row of `a` at once and two columns of `b`, and sums k by k.
// CHECK-LABEL: func.func @short(
// CHECK: %[[BASE:.*]] = tile_gpu.machine "shared.base"
// CHECK: arith.addi %[[BASE]], %c64_i32
// CHECK: %[[OWNER:.*]] = arith.cmpi eq
// CHECK: tile_gpu.machine "st.shared.v2.b32.pred"(%{{.*}}, %[[OWNER]], %{{.*}}, %{{.*}}) : (i32, i1, i32, i32) -> ()
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
// CHECK-NOT: {{ld.shared|bar.sync|scf.for}}
// CHECK: return
func.func @short(%x: f32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %a = tile.splat %x : f32 -> tensor<8x4xf32, #a>
  %b = tile.splat %x : f32 -> tensor<4x8xf32, #b>
  %c = tile.splat %x : f32 -> tensor<8x8xf32, #c>
  %d = tile.dot %a, %b, %c {tile_gpu.shared_offset = 64 : i64} : tensor<8x4xf32, #a>, tensor<4x8xf32, #b> -> tensor<8x8xf32, #c>
  return
}

// -----

#a = #tile_gpu.layout<register = [[0, 1], [0, 2]], lane = [[1, 0], [2, 0], [0, 0], [0, 0], [0, 0]], warp = []>
#c = #tile_gpu.layout<register = [], lane = [[0, 1], [0, 2], [1, 0], [2, 0], [0, 0]], warp = []>

// Short rows of f16 are widened, bytes multiplied as i32, f64 read in pairs.
// CHECK-LABEL: func.func @types(
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK: st.shared.v4.b32
// CHECK: math.fma %{{.*}} : f32
// CHECK: arith.extsi %{{.*}} : i8 to i32
// CHECK: %[[PRODUCT:.*]] = arith.muli %{{.*}} : i32
// CHECK-NEXT: arith.addi %[[PRODUCT]], %{{.*}} : i32
// CHECK: st.shared.v2.b64
// CHECK: ld.shared.v2.b64
// CHECK: math.fma %{{.*}} : f64
func.func @types(%h: f16, %f: f32, %i8: i8, %i32: i32, %f64: f64) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %ah = tile.splat %h : f16 -> tensor<4x4xf16, #a>
  %cf = tile.splat %f : f32 -> tensor<4x4xf32, #c>
  %0 = tile.dot %ah, %ah, %cf {tile_gpu.shared_offset = 0 : i64} : tensor<4x4xf16, #a>, tensor<4x4xf16, #a> -> tensor<4x4xf32, #c>
  %ai = tile.splat %i8 : i8 -> tensor<4x4xi8, #a>
  %ci = tile.splat %i32 : i32 -> tensor<4x4xi32, #c>
  %1 = tile.dot %ai, %ai, %ci {tile_gpu.shared_offset = 0 : i64} : tensor<4x4xi8, #a>, tensor<4x4xi8, #a> -> tensor<4x4xi32, #c>
  %ad = tile.splat %f64 : f64 -> tensor<4x4xf64, #a>
  %cd = tile.splat %f64 : f64 -> tensor<4x4xf64, #c>
  %2 = tile.dot %ad, %ad, %cd {tile_gpu.shared_offset = 0 : i64} : tensor<4x4xf64, #a>, tensor<4x4xf64, #a> -> tensor<4x4xf64, #c>
  return
}

// -----

#a = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 4], [0, 32], [0, 64], [32, 0]], lane = [[0, 8], [0, 16], [1, 0], [2, 0], [4, 0]], warp = [[8, 0], [16, 0]]>
#b = #tile_gpu.layout<register = [[0, 1], [0, 2], [2, 0], [4, 0], [16, 0], [32, 0]], lane = [[0, 4], [0, 8], [0, 16], [0, 32], [1, 0]], warp = [[8, 0], [64, 0]]>
#c = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 32], [16, 0], [32, 0]], lane = [[0, 4], [0, 8], [0, 16], [1, 0], [2, 0]], warp = [[4, 0], [8, 0]]>

// 128 k would need 68 KiB: two halves. The registers of `a` are in one half each, in `b` it is a matter of the warp. A half
// is a loop over 4 k at a time.
// CHECK-LABEL: func.func @chunks(
// CHECK-COUNT-8: tile_gpu.machine "st.shared.v4.b32"(
// CHECK-NOT: "st.shared.v4.b32"(
// CHECK-COUNT-16: tile_gpu.machine "st.shared.v4.b32.pred"(
// CHECK-NOT: st.shared
// CHECK: bar.sync
// CHECK: scf.for %{{.*}} = %c0_i32{{.*}} to %c64_i32{{.*}} step %c4_i32
// CHECK-COUNT-128: math.fma
// CHECK-NOT: math.fma
// CHECK: scf.yield
// CHECK: bar.sync
// CHECK-COUNT-8: tile_gpu.machine "st.shared.v4.b32"(
// CHECK-COUNT-16: tile_gpu.machine "st.shared.v4.b32.pred"(
// CHECK: bar.sync
// CHECK: scf.for
// CHECK-NOT: bar.sync
// CHECK: return
func.func @chunks(%x: f32) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %a = tile.splat %x : f32 -> tensor<64x128xf32, #a>
  %b = tile.splat %x : f32 -> tensor<128x64xf32, #b>
  %c = tile.splat %x : f32 -> tensor<64x64xf32, #c>
  %d = tile.dot %a, %b, %c {tile_gpu.shared_offset = 0 : i64} : tensor<64x128xf32, #a>, tensor<128x64xf32, #b> -> tensor<64x64xf32, #c>
  return
}
