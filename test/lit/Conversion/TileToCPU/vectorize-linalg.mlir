// RUN: kiln-opt %s --tile-vectorize-linalg=vector-bits=256 --canonicalize --cse | FileCheck %s

#id1 = affine_map<(d0) -> (d0)>
#id2 = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#col = affine_map<(d0, d1) -> (d1)>
#swap = affine_map<(d0, d1) -> (d1, d0)>

// A dense operation over two dimensions is one over their product.
// CHECK-LABEL: func.func @dense
func.func @dense(%x: memref<4x8xf32>, %y: memref<4x8xf32>) {
  // CHECK: memref.collapse_shape %{{.*}} {{\[\[}}0, 1]] : memref<4x8xf32> into memref<32xf32>
  // CHECK: scf.for %{{.*}} = %c0 to %c32 step %c16
  // CHECK:   vector.load %{{.*}} : memref<32xf32>, vector<16xf32>
  // CHECK:   arith.negf %{{.*}} : vector<16xf32>
  // CHECK:   vector.store
  linalg.generic {indexing_maps = [#id2, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  }
  return
}

// What does not change along the lanes is read, and computed, once.
// CHECK-LABEL: func.func @broadcast
// CHECK-SAME:    %[[X:.*]]: memref<4xf32>, %[[Y:.*]]: memref<4x8xf32>
func.func @broadcast(%x: memref<4xf32>, %y: memref<4x8xf32>) {
  // CHECK: scf.for %[[I:.*]] =
  // CHECK: %[[S:.*]] = memref.load %[[X]][%[[I]]]
  // CHECK: %[[N:.*]] = arith.negf %[[S]] : f32
  // CHECK: vector.broadcast %[[N]] : f32 to vector<8xf32>
  linalg.generic {indexing_maps = [#row, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : memref<4xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %n = arith.negf %a : f32
    linalg.yield %n : f32
  }
  return
}

// CHECK-LABEL: func.func @transposed
func.func @transposed(%x: memref<4x2xf32>, %y: memref<2x4xf32>) {
  // CHECK-COUNT-4: memref.load
  // CHECK: vector.from_elements
  // CHECK: vector.store
  linalg.generic {indexing_maps = [#swap, #id2], iterator_types = ["parallel", "parallel"]} ins(%x : memref<4x2xf32>) outs(%y : memref<2x4xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}

// A vector of i1 in memory is packed, an element is not: they are moved one by one.
// CHECK-LABEL: func.func @booleans
func.func @booleans(%x: memref<4xi32>, %y: memref<4xi1>) {
  // CHECK: %[[B:.*]] = arith.cmpi slt, %{{.*}} : vector<4xi32>
  // CHECK: vector.extract %[[B]][0]
  // CHECK-COUNT-4: memref.store %{{.*}} : memref<4xi1>
  linalg.generic {indexing_maps = [#id1, #id1], iterator_types = ["parallel"]} ins(%x : memref<4xi32>) outs(%y : memref<4xi1>) {
  ^bb0(%a: i32, %o: i1):
    %c = arith.constant 7 : i32
    %l = arith.cmpi slt, %a, %c : i32
    linalg.yield %l : i1
  }
  return
}

// Along the innermost axis: lanes of partial results, then halves added to halves.
// CHECK-LABEL: func.func @rows
func.func @rows(%x: memref<4x64xf32>, %y: memref<4xf32>) {
  // CHECK: %[[ZERO:.*]] = arith.constant dense<{{.*}}> : vector<32xf32>
  // CHECK: scf.for
  // CHECK:   %[[SUMS:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[ZERO]])
  // CHECK:     arith.addf %{{.*}} : vector<32xf32>
  // CHECK:   vector.shuffle %[[SUMS]], %[[SUMS]] [0, 1, {{.*}}, 15]
  // CHECK:   arith.addf %{{.*}} : vector<16xf32>
  // CHECK:   arith.addf %{{.*}} : vector<2xf32>
  // CHECK:   vector.extract %{{.*}}[0] : f32 from vector<2xf32>
  linalg.generic {indexing_maps = [#id2, #row], iterator_types = ["parallel", "reduction"]} ins(%x : memref<4x64xf32>) outs(%y : memref<4xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  }
  return
}

// Across it: every lane is a result of its own.
// CHECK-LABEL: func.func @columns
func.func @columns(%x: memref<64x8xi32>, %y: memref<8xi32>) {
  // CHECK: %[[OLD:.*]] = vector.load %{{.*}} : memref<8xi32>, vector<8xi32>
  // CHECK: %[[MAX:.*]] = scf.for {{.*}} iter_args(%{{.*}} = %[[OLD]])
  // CHECK:   arith.maxsi %{{.*}} : vector<8xi32>
  // CHECK: vector.store %[[MAX]]
  linalg.generic {indexing_maps = [#id2, #col], iterator_types = ["reduction", "parallel"]} ins(%x : memref<64x8xi32>) outs(%y : memref<8xi32>) {
  ^bb0(%a: i32, %o: i32):
    %s = arith.maxsi %o, %a : i32
    linalg.yield %s : i32
  }
  return
}

// Register blocks: 4 rows by 2 vectors of accumulators stay in registers; each vector of the narrow operand is widened once for all rows.
// CHECK-LABEL: func.func @matmul
func.func @matmul(%a: memref<4x8xf32>, %b: memref<8x16xf16>, %c: memref<4x16xf32>) {
  // CHECK-COUNT-8: vector.load %{{.*}} : memref<4x16xf32>, vector<8xf32>
  // CHECK: scf.for
  // CHECK-COUNT-2: arith.extf
  // CHECK-NOT: arith.extf
  // CHECK-COUNT-8: math.fma
  // CHECK: scf.yield
  // CHECK-COUNT-8: vector.store
  linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d2, d1)>, affine_map<(d0, d1, d2) -> (d0, d1)>],
                  iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : memref<4x8xf32>, memref<8x16xf16>) outs(%c : memref<4x16xf32>) attrs = {kiln.dot} {
  ^bb0(%x: f32, %y: f16, %o: f32):
    %w = arith.extf %y : f16 to f32
    %p = arith.mulf %x, %w : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}

// The right operand as it lies transposed: vectors run along the contracted axis.
// CHECK-LABEL: func.func @transposed_right
func.func @transposed_right(%a: memref<4x256xi32>, %b: memref<16x256xi8>, %c: memref<4x16xi32>) {
  // CHECK: scf.for {{.*}} step %c2
  // CHECK:   scf.for {{.*}} step %c8
  // CHECK-COUNT-2: arith.extsi %{{.*}} : vector<8xi8> to vector<8xi32>
  // CHECK: arith.muli %{{.*}} : vector<8xi32>
  // CHECK: vector.shuffle {{.*}} [0, 1, 2, 3, 8, 9, 10, 11] : vector<8xi32>, vector<8xi32>
  // CHECK-COUNT-4: vector.store %{{.*}} : memref<4x16xi32>, vector<2xi32>
  linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>],
                  iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : memref<4x256xi32>, memref<16x256xi8>) outs(%c : memref<4x16xi32>) attrs = {kiln.dot} {
  ^bb0(%x: i32, %y: i8, %o: i32):
    %w = arith.extsi %y : i8 to i32
    %p = arith.muli %x, %w : i32
    %s = arith.addi %o, %p : i32
    linalg.yield %s : i32
  }
  return
}

// A sum of products that is no dot is a reduction: its body counts, and each product is rounded.
// CHECK-LABEL: func.func @sum_of_products
func.func @sum_of_products(%a: memref<4x16xf32>, %b: memref<8x16xf32>, %c: memref<4x8xf32>) {
  // CHECK-NOT: math.fma
  // CHECK: %[[Y:.*]] = math.absf
  // CHECK: %[[P:.*]] = arith.mulf %{{.*}}, %[[Y]]
  // CHECK: arith.addf %[[P]]
  // CHECK-NOT: math.fma
  // CHECK: return
  linalg.generic {indexing_maps = [affine_map<(d0, d1, d2) -> (d0, d2)>, affine_map<(d0, d1, d2) -> (d1, d2)>, affine_map<(d0, d1, d2) -> (d0, d1)>],
                  iterator_types = ["parallel", "parallel", "reduction"]} ins(%a, %b : memref<4x16xf32>, memref<8x16xf32>) outs(%c : memref<4x8xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %w = math.absf %y : f32
    %p = arith.mulf %x, %w : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}
