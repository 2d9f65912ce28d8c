// RUN: kiln-opt %s --tile-gpu-lower-to-threads --split-input-file | FileCheck %s

#a = #tile_gpu.layout<register = [[0, 1], [8, 0], [0, 8], [0, 16]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>
#b = #tile_gpu.layout<register = [[1, 0], [8, 0], [16, 0]], lane = [[2, 0], [4, 0], [0, 1], [0, 2], [0, 4]], warp = []>
#c = #tile_gpu.layout<register = [[0, 1], [8, 0]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>

// Two steps along K, the sums of the first go into the second. Operands are packed in pairs.
// CHECK-LABEL: func.func @steps(
// CHECK: tile_gpu.machine "pack.b16x2"(%{{.*}}, %{{.*}}) : (i16, i16) -> i32
// CHECK: %[[SUM:.*]]:4 = tile_gpu.machine "mma.m16n8k16.f32.bf16"(%{{.*}}, %[[Y:.*]], %[[Y]], %[[Y]], %[[Y]]) : (i32, i32, i32, i32, i32, i32, f32, f32, f32, f32) -> (f32, f32, f32, f32)
// CHECK: %[[END:.*]]:4 = tile_gpu.machine "mma.m16n8k16.f32.bf16"(%{{.*}}, %[[SUM]]#0, %[[SUM]]#1, %[[SUM]]#2, %[[SUM]]#3)
// CHECK-NOT: "mma.
// CHECK: arith.negf %[[END]]#0
// CHECK: arith.negf %[[END]]#1
// CHECK: arith.negf %[[END]]#2
// CHECK: arith.negf %[[END]]#3
func.func @steps(%x: bf16, %y: f32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %a = tile.splat %x : bf16 -> tensor<16x32xbf16, #a>
  %b = tile.splat %x : bf16 -> tensor<32x8xbf16, #b>
  %c = tile.splat %y : f32 -> tensor<16x8xf32, #c>
  %d = tile_gpu.mma %a, %b, %c warps [1, 1] : tensor<16x32xbf16, #a>, tensor<32x8xbf16, #b> -> tensor<16x8xf32, #c>
  %e = arith.negf %d : tensor<16x8xf32, #c>
  return
}

// -----

#a = #tile_gpu.layout<register = [[0, 1]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [0, 0]], warp = []>
#b = #tile_gpu.layout<register = [[1, 0], [0, 8]], lane = [[2, 0], [4, 0], [0, 1], [0, 2], [0, 4]], warp = []>
#c = #tile_gpu.layout<register = [[0, 1], [0, 8]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [0, 0]], warp = []>

// Four rows and K of 8: the instruction with 16, the upper half of it zero, and whose rows 8 to 15 are those that it has already. Two columns of tiles.
// CHECK-LABEL: func.func @few_rows(
// CHECK: %[[A:.*]] = tile_gpu.machine "pack.b16x2"
// CHECK: %[[B0:.*]] = tile_gpu.machine "pack.b16x2"
// CHECK: %[[LEFT:.*]]:4 = tile_gpu.machine "mma.m16n8k16.f32.f16"(%[[A]], %[[A]], %{{c0.*}}, %{{c0.*}}, %[[B0]], %{{c0.*}}, %[[Y:.*]], %[[Z:.*]], %[[Y]], %[[Z]])
// CHECK: %[[B1:.*]] = tile_gpu.machine "pack.b16x2"
// CHECK: %[[RIGHT:.*]]:4 = tile_gpu.machine "mma.m16n8k16.f32.f16"(%[[A]], %[[A]], %{{c0.*}}, %{{c0.*}}, %[[B1]],
// CHECK-COUNT-4: arith.negf
func.func @few_rows(%x: f16, %y: f32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %a = tile.splat %x : f16 -> tensor<4x8xf16, #a>
  %b = tile.splat %x : f16 -> tensor<8x16xf16, #b>
  %c = tile.splat %y : f32 -> tensor<4x16xf32, #c>
  %d = tile_gpu.mma %a, %b, %c warps [1, 1] : tensor<4x8xf16, #a>, tensor<8x16xf16, #b> -> tensor<4x16xf32, #c>
  %e = arith.negf %d : tensor<4x16xf32, #c>
  return
}

// -----

#a = #tile_gpu.layout<register = [[8, 0], [0, 4]], lane = [[0, 1], [0, 2], [1, 0], [2, 0], [4, 0]], warp = [[16, 0]]>
#b = #tile_gpu.layout<register = [[4, 0]], lane = [[1, 0], [2, 0], [0, 1], [0, 2], [0, 4]], warp = [[0, 0]]>
#c = #tile_gpu.layout<register = [[0, 1], [8, 0]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = [[16, 0]]>

// f32 is rounded to TF32, each element once.
// CHECK-LABEL: func.func @tf32(
// CHECK-COUNT-6: tile_gpu.machine "cvt.rna.tf32.f32"(%{{.*}}) : (f32) -> i32
// CHECK-NOT: cvt
// CHECK: tile_gpu.machine "mma.m16n8k8.f32.tf32"
// CHECK-NOT: tile_gpu.machine
func.func @tf32(%x: f32) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %a = tile.splat %x : f32 -> tensor<32x8xf32, #a>
  %b = tile.splat %x : f32 -> tensor<8x8xf32, #b>
  %c = tile.splat %x : f32 -> tensor<32x8xf32, #c>
  %d = tile_gpu.mma %a, %b, %c warps [2, 1] : tensor<32x8xf32, #a>, tensor<8x8xf32, #b> -> tensor<32x8xf32, #c>
  return
}

// -----

#a = #tile_gpu.layout<register = [[0, 1], [0, 2], [8, 0]], lane = [[0, 4], [0, 8], [1, 0], [2, 0], [4, 0]], warp = []>
#b = #tile_gpu.layout<register = [[1, 0], [2, 0]], lane = [[4, 0], [8, 0], [0, 1], [0, 2], [0, 4]], warp = []>
#c = #tile_gpu.layout<register = [[0, 1], [8, 0]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>

// CHECK-LABEL: func.func @bytes(
// CHECK-COUNT-3: tile_gpu.machine "pack.b8x4"(%{{.*}}) : (i8, i8, i8, i8) -> i32
// CHECK: tile_gpu.machine "mma.m16n8k16.s32.s8"(%{{.*}}) : (i32, i32, i32, i32, i32, i32, i32) -> (i32, i32, i32, i32)
func.func @bytes(%x: i8, %y: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %a = tile.splat %x : i8 -> tensor<16x16xi8, #a>
  %b = tile.splat %x : i8 -> tensor<16x8xi8, #b>
  %c = tile.splat %y : i32 -> tensor<16x8xi32, #c>
  %d = tile_gpu.mma %a, %b, %c warps [1, 1] : tensor<16x16xi8, #a>, tensor<16x8xi8, #b> -> tensor<16x8xi32, #c>
  return
}
