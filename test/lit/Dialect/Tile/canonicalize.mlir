// RUN: kiln-opt %s -canonicalize -split-input-file | FileCheck %s

// A tile of one constant is a constant.
// CHECK-LABEL: func.func @splat_of_constant
func.func @splat_of_constant() -> (tensor<4xi32>, tensor<2x2xf16>) {
  // CHECK-DAG: %[[I:.*]] = arith.constant dense<3> : tensor<4xi32>
  // CHECK-DAG: %[[F:.*]] = arith.constant dense<1.500000e+00> : tensor<2x2xf16>
  // CHECK: return %[[I]], %[[F]]
  %c3 = arith.constant 3 : i32
  %c15 = arith.constant 1.5 : f16
  %0 = tile.splat %c3 : i32 -> tensor<4xi32>
  %1 = tile.splat %c15 : f16 -> tensor<2x2xf16>
  return %0, %1 : tensor<4xi32>, tensor<2x2xf16>
}

// -----

// CHECK-LABEL: func.func @arange_of_one
func.func @arange_of_one() -> tensor<1xi32> {
  // CHECK: arith.constant dense<-7> : tensor<1xi32>
  %0 = tile.arange -7 to -6 : tensor<1xi32>
  return %0 : tensor<1xi32>
}

// -----

// CHECK-LABEL: func.func @shapes_of_constants
func.func @shapes_of_constants() -> (tensor<1x4xi32>, tensor<4x4xi32>, tensor<2x2xi32>, tensor<2x1xi32>, tensor<4x2xi32>) {
  // CHECK-DAG: %[[E:.*]] = arith.constant dense<{{\[\[}}0, 1, 2, 3]]> : tensor<1x4xi32>
  // CHECK-DAG: %[[B:.*]] = arith.constant dense<5> : tensor<4x4xi32>
  // CHECK-DAG: %[[R:.*]] = arith.constant dense<{{\[\[}}0, 1], [2, 3]]> : tensor<2x2xi32>
  // CHECK-DAG: %[[N:.*]] = arith.constant dense<{{\[\[}}1], [2]]> : tensor<2x1xi32>
  // CHECK-DAG: %[[T:.*]] = arith.constant dense<5> : tensor<4x2xi32>
  // CHECK: return %[[E]], %[[B]], %[[R]], %[[N]], %[[T]]
  %c = arith.constant dense<[0, 1, 2, 3]> : tensor<4xi32>
  %d = arith.constant dense<[1, 2]> : tensor<2xi32>
  %five = arith.constant dense<5> : tensor<1x4xi32>
  %five2 = arith.constant dense<5> : tensor<2x4xi32>
  %0 = tile.expand_dims %c axis 0 : tensor<4xi32> -> tensor<1x4xi32>
  %1 = tile.broadcast %five : tensor<1x4xi32> -> tensor<4x4xi32>
  %2 = tile.reshape %c : tensor<4xi32> -> tensor<2x2xi32>
  %3 = tile.expand_dims %d axis 1 : tensor<2xi32> -> tensor<2x1xi32>
  %4 = tile.trans %five2 [1, 0] : tensor<2x4xi32> -> tensor<4x2xi32>
  return %0, %1, %2, %3, %4 : tensor<1x4xi32>, tensor<4x4xi32>, tensor<2x2xi32>, tensor<2x1xi32>, tensor<4x2xi32>
}

// -----

// A constant of different elements is not repeated or permuted at compile time.
// CHECK-LABEL: func.func @large_constants_stay
func.func @large_constants_stay() -> (tensor<4x2xi32>, tensor<2x1xi32>) {
  %c = arith.constant dense<[[0, 1]]> : tensor<1x2xi32>
  // CHECK-DAG: tile.broadcast
  // CHECK-DAG: tile.trans
  %0 = tile.broadcast %c : tensor<1x2xi32> -> tensor<4x2xi32>
  %1 = tile.trans %c [1, 0] : tensor<1x2xi32> -> tensor<2x1xi32>
  return %0, %1 : tensor<4x2xi32>, tensor<2x1xi32>
}

// -----

// CHECK-LABEL: func.func @shapes_of_splats
// CHECK-SAME: (%[[X:.*]]: f32)
func.func @shapes_of_splats(%x: f32) -> (tensor<4x8xf32>, tensor<32xf32>, tensor<8x4xf32>) {
  // CHECK-DAG: %[[A:.*]] = tile.splat %[[X]] : f32 -> tensor<4x8xf32>
  // CHECK-DAG: %[[B:.*]] = tile.splat %[[X]] : f32 -> tensor<32xf32>
  // CHECK-DAG: %[[C:.*]] = tile.splat %[[X]] : f32 -> tensor<8x4xf32>
  // CHECK-NOT: tile.
  // CHECK: return %[[A]], %[[B]], %[[C]]
  %s = tile.splat %x : f32 -> tensor<8xf32>
  %e = tile.expand_dims %s axis 0 : tensor<8xf32> -> tensor<1x8xf32>
  %b = tile.broadcast %e : tensor<1x8xf32> -> tensor<4x8xf32>
  %r = tile.reshape %b : tensor<4x8xf32> -> tensor<32xf32>
  %t = tile.trans %b [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
  return %b, %r, %t : tensor<4x8xf32>, tensor<32xf32>, tensor<8x4xf32>
}

// -----

// CHECK-LABEL: func.func @identities
// CHECK-SAME: (%[[X:.*]]: tensor<4x8xf32>, %[[P:.*]]: tensor<4x8x!tile.ptr<f32>>)
func.func @identities(%x: tensor<4x8xf32>, %p: tensor<4x8x!tile.ptr<f32>>)
    -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8x!tile.ptr<f32>>) {
  // CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[X]], %[[P]]
  %0 = tile.broadcast %x : tensor<4x8xf32> -> tensor<4x8xf32>
  %1 = tile.reshape %x : tensor<4x8xf32> -> tensor<4x8xf32>
  %2 = tile.trans %x [0, 1] : tensor<4x8xf32> -> tensor<4x8xf32>
  %3 = tile.bitcast %x : tensor<4x8xf32> -> tensor<4x8xf32>
  %zero = arith.constant dense<0> : tensor<4x8xi32>
  %4 = tile.addptr %p, %zero : tensor<4x8x!tile.ptr<f32>>, tensor<4x8xi32>
  return %0, %1, %2, %3, %4 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8x!tile.ptr<f32>>
}

// -----

// CHECK-LABEL: func.func @chains
// CHECK-SAME: (%[[X:.*]]: tensor<2x4x8xf32>, %[[Y:.*]]: tensor<1x1x8xf32>, %[[Z:.*]]: tensor<8xf32>, %[[I:.*]]: i32)
func.func @chains(%x: tensor<2x4x8xf32>, %y: tensor<1x1x8xf32>, %z: tensor<8xf32>, %i: i32)
    -> (tensor<4x8x2xf32>, tensor<2x4x8xf32>, tensor<4x2x8xf32>, tensor<64xf32>, tensor<2x4xf32>, i32, f32) {
  // CHECK-DAG: %[[T:.*]] = tile.trans %[[X]] [1, 2, 0] : tensor<2x4x8xf32> -> tensor<4x8x2xf32>
  %t0 = tile.trans %x [2, 1, 0] : tensor<2x4x8xf32> -> tensor<8x4x2xf32>
  %t1 = tile.trans %t0 [1, 0, 2] : tensor<8x4x2xf32> -> tensor<4x8x2xf32>
  // A permutation and its inverse.
  %t2 = tile.trans %t1 [2, 0, 1] : tensor<4x8x2xf32> -> tensor<2x4x8xf32>
  // CHECK-DAG: %[[B:.*]] = tile.broadcast %[[Y]] : tensor<1x1x8xf32> -> tensor<4x2x8xf32>
  %b0 = tile.broadcast %y : tensor<1x1x8xf32> -> tensor<4x1x8xf32>
  %b1 = tile.broadcast %b0 : tensor<4x1x8xf32> -> tensor<4x2x8xf32>
  // CHECK-DAG: %[[R:.*]] = tile.reshape %[[X]] : tensor<2x4x8xf32> -> tensor<64xf32>
  %r0 = tile.reshape %x : tensor<2x4x8xf32> -> tensor<8x8xf32>
  %r1 = tile.reshape %r0 : tensor<8x8xf32> -> tensor<64xf32>
  // CHECK-DAG: %[[E:.*]] = tile.reshape %[[Z]] : tensor<8xf32> -> tensor<2x4xf32>
  %e0 = tile.expand_dims %z axis 1 : tensor<8xf32> -> tensor<8x1xf32>
  %e1 = tile.reshape %e0 : tensor<8x1xf32> -> tensor<2x4xf32>
  // CHECK-DAG: %[[C:.*]] = tile.bitcast %[[I]] : i32 -> f32
  %c0 = tile.bitcast %i : i32 -> f32
  %c1 = tile.bitcast %c0 : f32 -> i32
  // CHECK: return %[[T]], %[[X]], %[[B]], %[[R]], %[[E]], %[[I]], %[[C]]
  return %t1, %t2, %b1, %r1, %e1, %c1, %c0 : tensor<4x8x2xf32>, tensor<2x4x8xf32>, tensor<4x2x8xf32>, tensor<64xf32>, tensor<2x4xf32>, i32, f32
}

// -----

// CHECK-LABEL: func.func @bits_of_constants
func.func @bits_of_constants() -> (i32, f16, tensor<2xi32>, tensor<2xf8E4M3FN>) {
  // CHECK-DAG: %[[I:.*]] = arith.constant 1065353216 : i32
  // CHECK-DAG: %[[H:.*]] = arith.constant 1.000000e+00 : f16
  // CHECK-DAG: %[[T:.*]] = arith.constant dense<[1065353216, -2147483648]> : tensor<2xi32>
  // CHECK-DAG: %[[F:.*]] = arith.constant dense<4.480000e+02> : tensor<2xf8E4M3FN>
  // CHECK: return %[[I]], %[[H]], %[[T]], %[[F]]
  %one = arith.constant 1.0 : f32
  %h = arith.constant 0x3c00 : i16
  %t = arith.constant dense<[1.0, -0.0]> : tensor<2xf32>
  %f = arith.constant dense<0x7e> : tensor<2xi8>
  %0 = tile.bitcast %one : f32 -> i32
  %1 = tile.bitcast %h : i16 -> f16
  %2 = tile.bitcast %t : tensor<2xf32> -> tensor<2xi32>
  %3 = tile.bitcast %f : tensor<2xi8> -> tensor<2xf8E4M3FN>
  return %0, %1, %2, %3 : i32, f16, tensor<2xi32>, tensor<2xf8E4M3FN>
}

// -----

// CHECK-LABEL: func.func @pointers
// CHECK-SAME: (%[[P:.*]]: !tile.ptr<f32>, %[[Q:.*]]: tensor<4x!tile.ptr<f32>>, %[[N:.*]]: i32)
func.func @pointers(%p: !tile.ptr<f32>, %q: tensor<4x!tile.ptr<f32>>, %n: i32)
    -> (!tile.ptr<f32>, tensor<4x!tile.ptr<f32>>, tensor<4x!tile.ptr<f32>>) {
  // CHECK-DAG: %[[C8:.*]] = arith.constant 8 : i32
  // CHECK-DAG: %[[C2:.*]] = arith.constant dense<2> : tensor<4xi64>
  // CHECK-DAG: %[[A:.*]] = tile.addptr %[[P]], %[[C8]] : !tile.ptr<f32>, i32
  // CHECK-DAG: %[[B:.*]] = tile.addptr %[[Q]], %[[C2]] : tensor<4x!tile.ptr<f32>>, tensor<4xi64>
  %c3 = arith.constant 3 : i32
  %c5 = arith.constant 5 : i32
  %a0 = tile.addptr %p, %c3 : !tile.ptr<f32>, i32
  %a1 = tile.addptr %a0, %c5 : !tile.ptr<f32>, i32
  %t3 = arith.constant dense<3> : tensor<4xi64>
  %t-1 = arith.constant dense<-1> : tensor<4xi64>
  %b0 = tile.addptr %q, %t3 : tensor<4x!tile.ptr<f32>>, tensor<4xi64>
  %b1 = tile.addptr %b0, %t-1 : tensor<4x!tile.ptr<f32>>, tensor<4xi64>
  // What is the same in all lanes is added once.
  // CHECK-DAG: %[[S:.*]] = tile.addptr %[[P]], %[[N]] : !tile.ptr<f32>, i32
  // CHECK-DAG: %[[C:.*]] = tile.splat %[[S]] : !tile.ptr<f32> -> tensor<4x!tile.ptr<f32>>
  %ps = tile.splat %p : !tile.ptr<f32> -> tensor<4x!tile.ptr<f32>>
  %ns = tile.splat %n : i32 -> tensor<4xi32>
  %c = tile.addptr %ps, %ns : tensor<4x!tile.ptr<f32>>, tensor<4xi32>
  // CHECK: return %[[A]], %[[B]], %[[C]]
  return %a1, %b1, %c : !tile.ptr<f32>, tensor<4x!tile.ptr<f32>>, tensor<4x!tile.ptr<f32>>
}

// -----

// The sum of two offsets must not wrap: each of them is sign-extended first.
// CHECK-LABEL: func.func @large_offsets
// CHECK-COUNT-2: tile.addptr
func.func @large_offsets(%p: !tile.ptr<f32>) -> !tile.ptr<f32> {
  %c = arith.constant 2147483647 : i32
  %c1 = arith.constant 1 : i32
  %0 = tile.addptr %p, %c : !tile.ptr<f32>, i32
  %1 = tile.addptr %0, %c1 : !tile.ptr<f32>, i32
  return %1 : !tile.ptr<f32>
}

// -----

// CHECK-LABEL: func.func @true_masks
// CHECK-SAME: (%[[P:.*]]: tensor<4x!tile.ptr<i32>>, %[[V:.*]]: tensor<4xi32>)
func.func @true_masks(%p: tensor<4x!tile.ptr<i32>>, %v: tensor<4xi32>) -> (tensor<4xi32>, tensor<4xi32>) {
  %m = arith.constant dense<true> : tensor<4xi1>
  // CHECK: %[[X:.*]] = tile.load %[[P]] : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
  %x = tile.load %p mask %m other %v : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
  // CHECK: tile.store %[[P]], %[[V]] : tensor<4x!tile.ptr<i32>>
  tile.store %p, %v mask %m : tensor<4x!tile.ptr<i32>>
  // CHECK: %[[Y:.*]] = tile.atomic_rmw add relaxed device %[[P]], %[[V]] : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
  %y = tile.atomic_rmw add relaxed device %p, %v mask %m : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
  // CHECK: return %[[X]], %[[Y]]
  return %x, %y : tensor<4xi32>, tensor<4xi32>
}

// -----

// CHECK-LABEL: func.func @false_masks
// CHECK-SAME: (%[[P:.*]]: tensor<4x!tile.ptr<i32>>, %[[V:.*]]: tensor<4xi32>)
func.func @false_masks(%p: tensor<4x!tile.ptr<i32>>, %v: tensor<4xi32>) -> (tensor<4xi32>, tensor<4xi32>, tensor<4xi32>) {
  // CHECK-NEXT: %[[ZERO:.*]] = arith.constant dense<0> : tensor<4xi32>
  // CHECK-NEXT: return %[[V]], %[[ZERO]], %[[ZERO]]
  %m = arith.constant dense<false> : tensor<4xi1>
  %x = tile.load %p mask %m other %v : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
  %y = tile.load %p mask %m : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
  tile.store %p, %v mask %m : tensor<4x!tile.ptr<i32>>
  %z = tile.atomic_rmw add relaxed device %p, %v mask %m : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
  return %x, %y, %z : tensor<4xi32>, tensor<4xi32>, tensor<4xi32>
}

// -----

// `other` is zero where it is absent; a negative zero is another value.
// CHECK-LABEL: func.func @zero_other
// CHECK-SAME: (%[[P:.*]]: tensor<4x!tile.ptr<f32>>, %[[Q:.*]]: !tile.ptr<i32>, %[[M:.*]]: tensor<4xi1>, %[[N:.*]]: i1)
func.func @zero_other(%p: tensor<4x!tile.ptr<f32>>, %q: !tile.ptr<i32>, %m: tensor<4xi1>, %n: i1) -> (tensor<4xf32>, tensor<4xf32>, i32) {
  // CHECK: %[[O:.*]] = arith.constant dense<-0.000000e+00>
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %negative = arith.constant dense<-0.0> : tensor<4xf32>
  %i = arith.constant 0 : i32
  // CHECK: tile.load %[[P]] mask %[[M]] : tensor
  %0 = tile.load %p mask %m other %zero : tensor<4x!tile.ptr<f32>> -> tensor<4xf32>
  // CHECK: tile.load %[[P]] mask %[[M]] other %[[O]] : tensor
  %1 = tile.load %p mask %m other %negative : tensor<4x!tile.ptr<f32>> -> tensor<4xf32>
  // CHECK: tile.load %[[Q]] mask %[[N]] : !tile.ptr
  %2 = tile.load %q mask %n other %i : !tile.ptr<i32> -> i32
  return %0, %1, %2 : tensor<4xf32>, tensor<4xf32>, i32
}

// -----

// CHECK-LABEL: func.func @assume
// CHECK-SAME: (%[[N:.*]]: i32)
func.func @assume(%n: i32) -> (i32, i32, i32, i32) {
  // CHECK-DAG: %[[C:.*]] = arith.constant 24 : i32
  // CHECK-DAG: %[[A:.*]] = tile.assume %[[N]] divisible_by 16 : i32
  // CHECK-DAG: %[[B:.*]] = tile.assume %[[A]] divisible_by 3 : i32
  %c24 = arith.constant 24 : i32
  %0 = tile.assume %c24 divisible_by 8 : i32
  %1 = tile.assume %n divisible_by 1 : i32
  %2 = tile.assume %n divisible_by 16 : i32
  %3 = tile.assume %2 divisible_by 8 : i32
  %4 = tile.assume %2 divisible_by 3 : i32
  // CHECK: return %[[C]], %[[N]], %[[A]], %[[B]]
  return %0, %1, %3, %4 : i32, i32, i32, i32
}
