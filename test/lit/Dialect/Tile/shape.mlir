// RUN: kiln-opt %s | kiln-opt | FileCheck %s
// RUN: kiln-opt %s -mlir-print-op-generic | kiln-opt | FileCheck %s

// CHECK-LABEL: func.func @arange
func.func @arange() {
  // CHECK: tile.arange 0 to 64 : tensor<64xi32>
  %0 = tile.arange 0 to 64 : tensor<64xi32>
  // CHECK: tile.arange -8 to 8 : tensor<16xi64>
  %1 = tile.arange -8 to 8 : tensor<16xi64>
  return
}

// CHECK-LABEL: func.func @splat
func.func @splat(%x: f32, %p: !tile.ptr<f8E4M3FN>, %b: i1) {
  // CHECK: tile.splat %{{.*}} : f32 -> tensor<4x64xf32>
  %0 = tile.splat %x : f32 -> tensor<4x64xf32>
  // CHECK: tile.splat %{{.*}} : !tile.ptr<f8E4M3FN> -> tensor<1x!tile.ptr<f8E4M3FN>>
  %1 = tile.splat %p : !tile.ptr<f8E4M3FN> -> tensor<1x!tile.ptr<f8E4M3FN>>
  // CHECK: tile.splat %{{.*}} : i1 -> tensor<8xi1>
  %2 = tile.splat %b : i1 -> tensor<8xi1>
  return
}

// CHECK-LABEL: func.func @reshaping
func.func @reshaping(%x: tensor<64xf16>) {
  // CHECK: tile.expand_dims %{{.*}} axis 1 : tensor<64xf16> -> tensor<64x1xf16>
  %c = tile.expand_dims %x axis 1 : tensor<64xf16> -> tensor<64x1xf16>
  // CHECK: tile.broadcast %{{.*}} : tensor<64x1xf16> -> tensor<64x128xf16>
  %b = tile.broadcast %c : tensor<64x1xf16> -> tensor<64x128xf16>
  // CHECK: tile.reshape %{{.*}} : tensor<64x128xf16> -> tensor<2x32x128xf16>
  %r = tile.reshape %b : tensor<64x128xf16> -> tensor<2x32x128xf16>
  // CHECK: tile.trans %{{.*}} [2, 0, 1] : tensor<2x32x128xf16> -> tensor<128x2x32xf16>
  %t = tile.trans %r [2, 0, 1] : tensor<2x32x128xf16> -> tensor<128x2x32xf16>
  return
}

// CHECK-LABEL: func.func @bitcast
func.func @bitcast(%x: tensor<64xf32>, %p: !tile.ptr<i8>, %h: f16) {
  // CHECK: tile.bitcast %{{.*}} : tensor<64xf32> -> tensor<64xi32>
  %0 = tile.bitcast %x : tensor<64xf32> -> tensor<64xi32>
  // CHECK: tile.bitcast %{{.*}} : !tile.ptr<i8> -> !tile.ptr<f64>
  %1 = tile.bitcast %p : !tile.ptr<i8> -> !tile.ptr<f64>
  // CHECK: tile.bitcast %{{.*}} : f16 -> bf16
  %2 = tile.bitcast %h : f16 -> bf16
  return
}
