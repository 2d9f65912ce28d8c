// RUN: kiln-opt %s --convert-tile-to-linalg --cse --tile-fuse-elementwise --canonicalize | FileCheck %s

// A chain of single uses is one loop, and writes over its operand.
// CHECK-LABEL: func.func @chain
// CHECK-SAME:    %[[X:.*]]: tensor<8xf32>, %[[S:.*]]: f32
func.func @chain(%x: tensor<8xf32>, %s: f32) -> tensor<8xf32> {
  // CHECK: linalg.generic {{.*}} ins(%[[X]] : tensor<8xf32>) outs(%[[X]] : tensor<8xf32>)
  // CHECK:   %[[P:.*]] = arith.mulf %{{.*}}, %[[S]]
  // CHECK:   arith.negf %[[P]]
  // CHECK-NOT: linalg.generic
  %ss = tile.splat %s : f32 -> tensor<8xf32>
  %p = arith.mulf %x, %ss : tensor<8xf32>
  %n = arith.negf %p : tensor<8xf32>
  return %n : tensor<8xf32>
}

// An expensive producer that a broadcast would repeat for every column stays apart.
// CHECK-LABEL: func.func @broadcast
func.func @broadcast(%x: tensor<4xf32>, %y: tensor<4x8xf32>) -> tensor<4x8xf32> {
  // CHECK: linalg.generic
  // CHECK:   math.exp2
  // CHECK: linalg.generic
  // CHECK:   arith.mulf
  %e = math.exp2 %x : tensor<4xf32>
  %c = tile.expand_dims %e axis 1 : tensor<4xf32> -> tensor<4x1xf32>
  %b = tile.broadcast %c : tensor<4x1xf32> -> tensor<4x8xf32>
  %r = arith.mulf %y, %b : tensor<4x8xf32>
  return %r : tensor<4x8xf32>
}

// Nothing is computed inside a contraction, where it would run once for every row or column.
// CHECK-LABEL: func.func @contraction
func.func @contraction(%a: tensor<4x8xf32>, %b: tensor<8x16xf32>, %c: tensor<4x16xf32>) -> tensor<4x16xf32> {
  // CHECK: linalg.generic
  // CHECK:   arith.negf
  // CHECK: linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "reduction"]
  // CHECK-NOT: arith.negf
  %n = arith.negf %b : tensor<8x16xf32>
  %d = tile.dot %a, %n, %c : tensor<4x8xf32>, tensor<8x16xf32> -> tensor<4x16xf32>
  return %d : tensor<4x16xf32>
}

// What a loop carries is copied into the buffer that carries it; a swap reads both before it writes either.
// CHECK-LABEL: func.func @swap
func.func @swap(%a: tensor<8xf32>, %b: tensor<8xf32>, %n: index) -> (tensor<8xf32>, tensor<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: scf.for {{.*}} iter_args(%[[X:.*]] = %{{.*}}, %[[Y:.*]] = %{{.*}})
  // CHECK-DAG: %[[OLDY:.*]] = bufferization.alloc_tensor() copy(%[[Y]])
  // CHECK-DAG: %[[OLDX:.*]] = bufferization.alloc_tensor() copy(%[[X]])
  // CHECK: %[[NEWX:.*]] = linalg.copy ins(%[[OLDY]] : {{.*}}) outs(%[[X]] :
  // CHECK: %[[NEWY:.*]] = linalg.copy ins(%[[OLDX]] : {{.*}}) outs(%[[Y]] :
  // CHECK: scf.yield %[[NEWX]], %[[NEWY]]
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%x = %a, %y = %b) -> (tensor<8xf32>, tensor<8xf32>) {
    scf.yield %y, %x : tensor<8xf32>, tensor<8xf32>
  }
  return %r#0, %r#1 : tensor<8xf32>, tensor<8xf32>
}

// Splat constants that need a buffer are filled, each use its own.
// CHECK-LABEL: func.func @constant
func.func @constant(%i: index) -> (tensor<8xf32>, f32) {
  // CHECK-NOT: dense
  // CHECK: linalg.fill
  %c = arith.constant dense<1.0> : tensor<8xf32>
  %e = tensor.extract %c[%i] : tensor<8xf32>
  return %c, %e : tensor<8xf32>, f32
}

// Branches in a loop yield tensors of their own, so that the loop's arguments stay apart: but a result may be the argument that
// carries it.
// CHECK-LABEL: func.func @branches_in_a_loop
func.func @branches_in_a_loop(%x: tensor<8xf32>, %y: tensor<8xf32>, %z: tensor<8xf32>, %n: index, %c: i1)
    -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // CHECK: scf.for {{.*}} iter_args(%[[A:.*]] = %{{.*}}, %[[B:.*]] = %{{.*}}, %[[C:.*]] = %{{.*}})
  %r:3 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %x, %b = %y, %d = %z) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
    // CHECK: scf.if
    %s:3 = scf.if %c -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
      // CHECK-NOT: alloc_tensor
      // CHECK: scf.yield %[[A]], %[[B]], %[[C]]
      scf.yield %a, %b, %d : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
    } else {
      // CHECK: %[[SUM:.*]] = linalg.generic
      // CHECK: %[[OWN_B:.*]] = bufferization.alloc_tensor() copy(%[[B]])
      // CHECK: %[[OWN_SUM:.*]] = bufferization.alloc_tensor() copy(%[[SUM]])
      // CHECK: scf.yield %[[OWN_B]], %[[SUM]], %[[OWN_SUM]]
      %sum = arith.addf %a, %b : tensor<8xf32>
      scf.yield %b, %sum, %sum : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
    }
    scf.yield %s#0, %s#1, %s#2 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
  }
  return %r#0, %r#1, %r#2 : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}
