// RUN: kiln-opt %s | kiln-opt | FileCheck %s
// RUN: kiln-opt %s -mlir-print-op-generic | kiln-opt | FileCheck %s

// CHECK-LABEL: func.func @dot
func.func @dot(%a: tensor<16x64xf16>, %b: tensor<64x32xf16>, %c: tensor<16x32xf32>, %x: tensor<16x16xf32>,
               %e: tensor<16x16xf8E4M3FN>, %f: tensor<16x16xf8E5M2>, %i: tensor<16x16xi8>, %j: tensor<16x16xi32>) {
  // CHECK: tile.dot %{{.*}}, %{{.*}}, %{{.*}} : tensor<16x64xf16>, tensor<64x32xf16> -> tensor<16x32xf32>
  %0 = tile.dot %a, %b, %c : tensor<16x64xf16>, tensor<64x32xf16> -> tensor<16x32xf32>
  // CHECK: tile.dot %{{.*}}, %{{.*}}, %{{.*}} tf32 : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
  %1 = tile.dot %x, %x, %x tf32 : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
  // The two 8-bit floating-point types mix.
  // CHECK: tile.dot %{{.*}}, %{{.*}}, %{{.*}} : tensor<16x16xf8E4M3FN>, tensor<16x16xf8E5M2> -> tensor<16x16xf32>
  %2 = tile.dot %e, %f, %x : tensor<16x16xf8E4M3FN>, tensor<16x16xf8E5M2> -> tensor<16x16xf32>
  // CHECK: tile.dot %{{.*}}, %{{.*}}, %{{.*}} : tensor<16x16xi8>, tensor<16x16xi8> -> tensor<16x16xi32>
  %3 = tile.dot %i, %i, %j : tensor<16x16xi8>, tensor<16x16xi8> -> tensor<16x16xi32>
  return
}

// CHECK-LABEL: func.func @reduce
func.func @reduce(%x: tensor<4x64xf32>, %v: tensor<64xf16>, %i: tensor<64xi32>) {
  // CHECK: tile.reduce %{{.*}} axis 1 : (tensor<4x64xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32):
  // CHECK-NEXT: %[[S:.*]] = arith.addf %[[A]], %[[B]] : f32
  // CHECK-NEXT: tile.yield %[[S]] : f32
  %0 = tile.reduce %x axis 1 : (tensor<4x64xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    tile.yield %s : f32
  }
  // A maximum and where it is, of a rank-1 tile.
  // CHECK: %{{.*}}:2 = tile.reduce %{{.*}}, %{{.*}} axis 0 : (tensor<64xf16>, tensor<64xi32>) -> (f16, i32) {
  // CHECK: tile.yield %{{.*}}, %{{.*}} : f16, i32
  %1:2 = tile.reduce %v, %i axis 0 : (tensor<64xf16>, tensor<64xi32>) -> (f16, i32) {
  ^bb0(%a: f16, %ai: i32, %b: f16, %bi: i32):
    %c = arith.cmpf oge, %a, %b : f16
    %m = arith.select %c, %a, %b : f16
    %mi = arith.select %c, %ai, %bi : i32
    tile.yield %m, %mi : f16, i32
  }
  return
}

// CHECK-LABEL: func.func @scan
func.func @scan(%x: tensor<4x64xi32>) {
  // CHECK: tile.scan %{{.*}} axis 0 : (tensor<4x64xi32>) -> tensor<4x64xi32> {
  %0 = tile.scan %x axis 0 : (tensor<4x64xi32>) -> tensor<4x64xi32> {
  ^bb0(%a: i32, %b: i32):
    %s = arith.addi %a, %b : i32
    tile.yield %s : i32
  }
  // CHECK: tile.scan %{{.*}} axis 1 reverse : (tensor<4x64xi32>) -> tensor<4x64xi32> {
  %1 = tile.scan %x axis 1 reverse : (tensor<4x64xi32>) -> tensor<4x64xi32> {
  ^bb0(%a: i32, %b: i32):
    // A constant of the combiner stays inside, and bits may be looked at.
    %c1 = arith.constant 1 : i32
    %f = tile.bitcast %a : i32 -> f32
    %g = tile.bitcast %f : f32 -> i32
    %s = arith.addi %g, %b : i32
    %t = arith.addi %s, %c1 : i32
    tile.yield %t : i32
  }
  return
}
