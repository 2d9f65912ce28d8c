// RUN: kiln-opt %s --convert-tile-to-linalg --cse | FileCheck %s

// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1) -> (d0)>
// CHECK-DAG: #[[$SWAP:.*]] = affine_map<(d0, d1) -> (d1, d0)>
// CHECK-DAG: #[[$A:.*]] = affine_map<(d0, d1, d2) -> (d0, d2)>
// CHECK-DAG: #[[$BT:.*]] = affine_map<(d0, d1, d2) -> (d1, d2)>
// CHECK-DAG: #[[$C:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>

// expand_dims and broadcast together are a projection, once reshapes cancel.
// CHECK-LABEL: func.func @column
func.func @column(%x: tensor<4xf32>) -> tensor<4x8xf32> {
  %c = tile.expand_dims %x axis 1 : tensor<4xf32> -> tensor<4x1xf32>
  // CHECK: linalg.generic {indexing_maps = [#[[$ROW]], #{{.*}}]
  %b = tile.broadcast %c : tensor<4x1xf32> -> tensor<4x8xf32>
  return %b : tensor<4x8xf32>
}

// CHECK-LABEL: func.func @trans
func.func @trans(%x: tensor<4x8xf32>) -> tensor<8x4xf32> {
  // CHECK: linalg.generic {indexing_maps = [#[[$SWAP]], #{{.*}}]
  %t = tile.trans %x [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
  return %t : tensor<8x4xf32>
}

// A dot by a transposed tile reads the tile as it lies; the left operand is widened in front.
// CHECK-LABEL: func.func @dot
// CHECK-SAME:    %[[Q:.*]]: tensor<4x16xf16>, %[[K:.*]]: tensor<8x16xf16>, %[[S:.*]]: tensor<4x8xf32>
func.func @dot(%q: tensor<4x16xf16>, %k: tensor<8x16xf16>, %s: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %t = tile.trans %k [1, 0] : tensor<8x16xf16> -> tensor<16x8xf16>
  // CHECK: %[[WIDE:.*]] = linalg.generic {{.*}} ins(%[[Q]] : tensor<4x16xf16>)
  // CHECK: linalg.generic {indexing_maps = [#[[$A]], #[[$BT]], #[[$C]]], iterator_types = ["parallel", "parallel", "reduction"]}
  // CHECK-SAME: ins(%[[WIDE]], %[[K]] : tensor<4x16xf32>, tensor<8x16xf16>) outs(%[[S]] : tensor<4x8xf32>) attrs = {kiln.dot}
  %d = tile.dot %q, %t, %s : tensor<4x16xf16>, tensor<16x8xf16> -> tensor<4x8xf32>
  return %d : tensor<4x8xf32>
}

// A combiner with a neutral element starts from it.
// CHECK-LABEL: func.func @maximum
func.func @maximum(%x: tensor<4x8xf32>) -> tensor<4xf32> {
  // CHECK: %[[LOWEST:.*]] = arith.constant 0xFF800000 : f32
  // CHECK: linalg.fill ins(%[[LOWEST]] : f32)
  // CHECK: iterator_types = ["parallel", "reduction"]
  %m = tile.reduce %x axis 1 : (tensor<4x8xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32, %b: f32):
    %c = arith.maximumf %a, %b : f32
    tile.yield %c : f32
  }
  return %m : tensor<4xf32>
}

// Other combiners run as loops over scalars.
// CHECK-LABEL: func.func @argmax
func.func @argmax(%x: tensor<8xf32>, %i: tensor<8xi32>) -> (f32, i32) {
  // CHECK: scf.for {{.*}} -> (f32, i32)
  // CHECK: arith.cmpf
  %v, %j = tile.reduce %x, %i axis 0 : (tensor<8xf32>, tensor<8xi32>) -> (f32, i32) {
  ^bb0(%a: f32, %ai: i32, %b: f32, %bi: i32):
    %gt = arith.cmpf oge, %a, %b : f32
    %c = arith.select %gt, %a, %b : f32
    %ci = arith.select %gt, %ai, %bi : i32
    tile.yield %c, %ci : f32, i32
  }
  return %v, %j : f32, i32
}

// CHECK-LABEL: func.func @scan
func.func @scan(%x: tensor<2x8xi32>) -> tensor<2x8xi32> {
  // CHECK: scf.for
  // CHECK: scf.for {{.*}} -> (i32, tensor<2x8xi32>)
  // CHECK: tensor.insert
  %s = tile.scan %x axis 1 : (tensor<2x8xi32>) -> tensor<2x8xi32> {
  ^bb0(%a: i32, %b: i32):
    %c = arith.addi %a, %b : i32
    tile.yield %c : i32
  }
  return %s : tensor<2x8xi32>
}
