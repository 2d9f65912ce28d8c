// RUN: kiln-opt %s --tile-gpu-accelerate-dot --split-input-file | FileCheck %s

// A few rows are the columns of the instruction, and the four warps share what were the columns. A transposed operand is
// taken as it was.
// CHECK-LABEL: func.func @decode(
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<4x128xf16>, %[[K:[a-z0-9]+]]: tensor<64x128xf16>
// CHECK: %[[QT:.*]] = tile.trans %[[Q]] [1, 0]
// CHECK: %[[S:.*]] = tile_gpu.mma %[[K]], %[[QT]], %{{.*}} warps [4, 1] : tensor<64x128xf16>, tensor<128x4xf16> -> tensor<64x4xf32>
// CHECK: tile.trans %[[S]] [1, 0] : tensor<64x4xf32> -> tensor<4x64xf32>
// CHECK: tile_gpu.mma %{{.*}}, %{{.*}}, %{{.*}} warps [4, 1] : tensor<128x64xf16>, tensor<64x4xf16> -> tensor<128x4xf32>
func.func @decode(%q: tensor<4x128xf16>, %keys: tensor<64x128xf16>, %v: tensor<64x128xf16>, %c: tensor<4x64xf32>,
                  %acc: tensor<4x128xf32>) -> tensor<4x128xf32> {
  %k = tile.trans %keys [1, 0] : tensor<64x128xf16> -> tensor<128x64xf16>
  %s = tile.dot %q, %k, %c : tensor<4x128xf16>, tensor<128x64xf16> -> tensor<4x64xf32>
  %p = arith.truncf %s : tensor<4x64xf32> to tensor<4x64xf16>
  %r = tile.dot %p, %v, %acc : tensor<4x64xf16>, tensor<64x128xf16> -> tensor<4x128xf32>
  return %r : tensor<4x128xf32>
}

// -----

// The rows of the first result are rows of the second's operand: a warp keeps them. The second reads its operands evenly.
// CHECK-LABEL: func.func @chained(
// CHECK: tile_gpu.mma %{{.*}}, %{{.*}}, %{{.*}} warps [4, 1] : tensor<128x64xbf16>, tensor<64x128xbf16> -> tensor<128x128xf32>
// CHECK: tile_gpu.mma %{{.*}}, %{{.*}}, %{{.*}} warps [2, 2] : tensor<128x128xbf16>, tensor<128x128xbf16> -> tensor<128x128xf32>
func.func @chained(%q: tensor<128x64xbf16>, %k: tensor<64x128xbf16>, %v: tensor<128x128xbf16>, %c: tensor<128x128xf32>) -> tensor<128x128xf32> {
  %s = tile.dot %q, %k, %c : tensor<128x64xbf16>, tensor<64x128xbf16> -> tensor<128x128xf32>
  %p = arith.truncf %s : tensor<128x128xf32> to tensor<128x128xbf16>
  %r = tile.dot %p, %v, %c : tensor<128x128xbf16>, tensor<128x128xbf16> -> tensor<128x128xf32>
  return %r : tensor<128x128xf32>
}

// -----

// The sums of a loop are no first operand. Eight warps.
// CHECK-LABEL: func.func @loop(
// CHECK: scf.for
// CHECK: tile_gpu.mma %{{.*}}, %{{.*}}, %{{.*}} warps [2, 4] : tensor<64x32xf16>, tensor<32x128xf16> -> tensor<64x128xf32>
func.func @loop(%x: f16, %n: i32) attributes {tile.kernel, tile.num_warps = 8 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %a = tile.splat %x : f16 -> tensor<64x32xf16>
  %b = tile.splat %x : f16 -> tensor<32x128xf16>
  %zero = arith.constant dense<0.0> : tensor<64x128xf32>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> (tensor<64x128xf32>) : i32 {
    %d = tile.dot %a, %b, %acc : tensor<64x32xf16>, tensor<32x128xf16> -> tensor<64x128xf32>
    scf.yield %d : tensor<64x128xf32>
  }
  return
}

// -----

// Bytes take K of 16 and more, TF32 of 4 and more.
// CHECK-LABEL: func.func @types(
// CHECK: tile_gpu.mma %{{.*}}, %{{.*}}, %{{.*}} warps [4, 1] : tensor<64x16xi8>, tensor<16x32xi8> -> tensor<64x32xi32>
// CHECK: tile_gpu.mma %{{.*}}, %{{.*}}, %{{.*}} warps [4, 1] : tensor<64x4xf32>, tensor<4x8xf32> -> tensor<64x8xf32>
func.func @types(%a: tensor<64x16xi8>, %b: tensor<16x32xi8>, %c: tensor<64x32xi32>, %x: tensor<64x4xf32>, %y: tensor<4x8xf32>,
                 %z: tensor<64x8xf32>) {
  %i = tile.dot %a, %b, %c : tensor<64x16xi8>, tensor<16x32xi8> -> tensor<64x32xi32>
  %f = tile.dot %x, %y, %z tf32 : tensor<64x4xf32>, tensor<4x8xf32> -> tensor<64x8xf32>
  return
}

// -----

// Exact f32 is for threads: 4 x 8 elements each, in two groups of four neighbours.
// CHECK: #[[$LAYOUT:.*]] = #tile_gpu.layout<register = {{\[}}[0, 1], [0, 2], [0, 32], [16, 0], [32, 0]], lane = {{\[}}[0, 4], [0, 8], [0, 16], [1, 0], [2, 0]], warp = {{\[}}[4, 0], [8, 0]]>
// CHECK-LABEL: func.func @exact(
// CHECK: tile.dot %{{.*}}, %{{.*}}, %{{.*}} {tile_gpu.layout = #[[$LAYOUT]]} : tensor<64x32xf32>, tensor<32x64xf32> -> tensor<64x64xf32>
func.func @exact(%a: tensor<64x32xf32>, %b: tensor<32x64xf32>, %c: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %d = tile.dot %a, %b, %c : tensor<64x32xf32>, tensor<32x64xf32> -> tensor<64x64xf32>
  return %d : tensor<64x64xf32>
}

// -----

// So is f64, two neighbours a vector, and what is too short for an instruction.
// CHECK-DAG: #[[$F64:.*]] = #tile_gpu.layout<register = {{\[}}[0, 1]], lane = {{\[}}[0, 2], [0, 4], [0, 8], [1, 0], [2, 0]], warp = {{\[}}[4, 0], [8, 0]]>
// CHECK-DAG: #[[$ONE:.*]] = #tile_gpu.layout<register = [], lane = {{\[}}[0, 1], [0, 2], [0, 4], [1, 0], [2, 0]], warp = {{\[}}[4, 0], [0, 0]]>
// CHECK-LABEL: func.func @threads(
// CHECK: tile.dot {{.*}} {tile_gpu.layout = #[[$F64]]} : tensor<16x16xf64>
// CHECK: tile.dot {{.*}} {tile_gpu.layout = #[[$ONE]]} : tensor<8x4xf16>
// CHECK: tile.dot {{.*}} {tile_gpu.layout = #[[$ONE]]} : tensor<8x8xi8>
func.func @threads(%a: tensor<16x16xf64>, %b: tensor<8x4xf16>, %c: tensor<4x8xf16>, %d: tensor<8x8xf32>, %e: tensor<8x8xi8>, %f: tensor<8x8xi32>) {
  %0 = tile.dot %a, %a, %a : tensor<16x16xf64>, tensor<16x16xf64> -> tensor<16x16xf64>
  %1 = tile.dot %b, %c, %d : tensor<8x4xf16>, tensor<4x8xf16> -> tensor<8x8xf32>
  %2 = tile.dot %e, %e, %f : tensor<8x8xi8>, tensor<8x8xi8> -> tensor<8x8xi32>
  return
}
