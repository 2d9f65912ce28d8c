// RUN: kiln-opt %s --tile-expand-fp8=capability=80 --split-input-file | FileCheck %s --check-prefixes=CHECK,OLD
// RUN: kiln-opt %s --tile-expand-fp8=capability=89 --split-input-file | FileCheck %s --check-prefixes=CHECK,NEW

// The operands of a dot become f16.
// CHECK-LABEL: func @dot(
// CHECK-SAME: %[[A:.*]]: tensor<16x16xi8>, %{{.*}}: tensor<16x16xi8>,
// OLD: arith.shli
// OLD: arith.mulf %{{.*}} : tensor<16x16xf16>
// OLD-NOT: f8E4M3FN
// NEW: %[[X:.*]] = tile.bitcast %[[A]] : tensor<16x16xi8> -> tensor<16x16xf8E4M3FN>
// NEW: arith.extf %[[X]] : tensor<16x16xf8E4M3FN> to tensor<16x16xf16>
// CHECK: tile.dot %{{.*}} : tensor<16x16xf16>, tensor<16x16xf16> -> tensor<16x16xf32>
func.func @dot(%a: tensor<16x16xf8E4M3FN>, %b: tensor<16x16xf8E5M2>, %c: tensor<16x16xf32>) -> tensor<16x16xf32> {
  %d = tile.dot %a, %b, %c : tensor<16x16xf8E4M3FN>, tensor<16x16xf8E5M2> -> tensor<16x16xf32>
  return %d : tensor<16x16xf32>
}

// -----

// Conversions of tiles stay where there are instructions for them, by way of f32 where there are none; bytes move.
// CHECK-LABEL: func @tiles(
// NEW: %[[NARROW:.*]] = arith.truncf %{{.*}} : tensor<16xf32> to tensor<16xf8E5M2>
// NEW: tile.bitcast %[[NARROW]] : tensor<16xf8E5M2> -> tensor<16xi8>
// OLD-NOT: f8E5M2
// CHECK: tile.store %{{.*}} : tensor<16x!tile.ptr<i8>>
// NEW: %[[WIDE:.*]] = arith.extf %{{.*}} : tensor<16xf8E5M2> to tensor<16xf32>
// NEW: arith.truncf %[[WIDE]] : tensor<16xf32> to tensor<16xbf16>
func.func @tiles(%p: tensor<16x!tile.ptr<f8E5M2>>, %x: tensor<16xbf16>) -> tensor<16xbf16> {
  %y = arith.truncf %x : tensor<16xbf16> to tensor<16xf8E5M2>
  tile.store %p, %y : tensor<16x!tile.ptr<f8E5M2>>
  %z = tile.load %p : tensor<16x!tile.ptr<f8E5M2>> -> tensor<16xf8E5M2>
  %w = arith.extf %z : tensor<16xf8E5M2> to tensor<16xbf16>
  return %w : tensor<16xbf16>
}

// -----

// Of f64 the machine would round twice, and numbers that are no tile are too few.
// CHECK-LABEL: func @arithmetic(
// CHECK: arith.cmpf ogt
// NEW: arith.truncf %{{.*}} : tensor<4xf32> to tensor<4xf8E4M3FN>
// CHECK: arith.shli
// CHECK: return %{{.*}}, %{{.*}} : tensor<4xi8>, f16
func.func @arithmetic(%x: tensor<4xf64>, %s: f8E4M3FN) -> (tensor<4xf8E4M3FN>, f16) {
  %y = arith.truncf %x : tensor<4xf64> to tensor<4xf8E4M3FN>
  %t = arith.extf %s : f8E4M3FN to f16
  return %y, %t : tensor<4xf8E4M3FN>, f16
}
