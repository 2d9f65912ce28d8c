// RUN: kiln-opt %s --tile-check-mode=enable=true | FileCheck %s
// RUN: kiln-opt %s --tile-check-mode | FileCheck %s --check-prefix=OFF

// What wraps in 32 bits is computed in 64 beside it; lanes that are off may do so.
// CHECK-LABEL: func.func @product(
// CHECK-SAME: %[[P:[a-z0-9]+]]: !tile.ptr<f32>, %[[ROW:[a-z0-9]+]]: i32, %[[STRIDE:[a-z0-9]+]]: i32, %[[M:[a-z0-9]+]]: tensor<8xi1>
// CHECK: %[[NARROW:.*]] = arith.addi
// CHECK: %[[AT:.*]] = tile.addptr
// CHECK-DAG: %[[R:.*]] = arith.extsi %[[ROW]] : i32 to i64
// CHECK-DAG: %[[S:.*]] = arith.extsi %[[STRIDE]] : i32 to i64
// CHECK: %[[BASE:.*]] = arith.muli %[[R]], %[[S]] : i64
// CHECK: %[[BASES:.*]] = tile.splat %[[BASE]] : i64 -> tensor<8xi64>
// CHECK: %[[EXACT:.*]] = arith.addi %[[BASES]], %{{.*}} : tensor<8xi64>
// CHECK: %[[WIDE:.*]] = arith.extsi %[[NARROW]] : tensor<8xi32> to tensor<8xi64>
// CHECK: %[[SAME:.*]] = arith.cmpi eq, %[[EXACT]], %[[WIDE]]
// CHECK: %[[MASKED:.*]] = arith.xori %[[M]]
// CHECK: %[[OK:.*]] = arith.ori %[[SAME]], %[[MASKED]]
// CHECK: tile.assert %[[OK]], "the offset of this address wraps in 32 bits: compute it in 64, with .to(kiln::i64)"
// CHECK-NEXT: tile.load %[[AT]]
// OFF-LABEL: func.func @product(
// OFF-NOT: tile.assert
// OFF: tile.load
func.func @product(%p: !tile.ptr<f32>, %row: i32, %stride: i32, %m: tensor<8xi1>) -> tensor<8xf32> {
  %base = arith.muli %row, %stride : i32
  %bases = tile.splat %base : i32 -> tensor<8xi32>
  %i = tile.arange 0 to 8 : tensor<8xi32>
  %o = arith.addi %bases, %i : tensor<8xi32>
  %ps = tile.splat %p : !tile.ptr<f32> -> tensor<8x!tile.ptr<f32>>
  %at = tile.addptr %ps, %o : tensor<8x!tile.ptr<f32>>, tensor<8xi32>
  %x = tile.load %at mask %m : tensor<8x!tile.ptr<f32>> -> tensor<8xf32>
  return %x : tensor<8xf32>
}

// Where the arithmetic is in 64 bits, and where there is none, nothing can wrap.
// CHECK-LABEL: func.func @wide(
// CHECK-NOT: tile.assert
// CHECK: return
func.func @wide(%p: !tile.ptr<f32>, %row: i64, %i: i32) -> f32 {
  %o = arith.muli %row, %row : i64
  %q = tile.addptr %p, %o : !tile.ptr<f32>, i64
  %r = tile.addptr %q, %i : !tile.ptr<f32>, i32
  %x = tile.load %r : !tile.ptr<f32> -> f32
  return %x : f32
}

// Checks of an address are broadcast with it.
// CHECK-LABEL: func.func @broadcast(
// CHECK: %[[SAME:.*]] = arith.cmpi eq, %{{.*}} : tensor<4xi64>
// CHECK: %[[COLUMN:.*]] = tile.expand_dims %[[SAME]]
// CHECK: %[[ALL:.*]] = tile.broadcast %[[COLUMN]] : tensor<4x1xi1> -> tensor<4x8xi1>
// CHECK: tile.assert %[[ALL]],
// CHECK-NEXT: tile.store
func.func @broadcast(%ps: tensor<4x!tile.ptr<f32>>, %i: tensor<4xi32>, %x: tensor<4x8xf32>) {
  %o = arith.muli %i, %i : tensor<4xi32>
  %at = tile.addptr %ps, %o : tensor<4x!tile.ptr<f32>>, tensor<4xi32>
  %column = tile.expand_dims %at axis 1 : tensor<4x!tile.ptr<f32>> -> tensor<4x1x!tile.ptr<f32>>
  %all = tile.broadcast %column : tensor<4x1x!tile.ptr<f32>> -> tensor<4x8x!tile.ptr<f32>>
  tile.store %all, %x : tensor<4x8x!tile.ptr<f32>>
  return
}

// What is for check mode is an assert like others, or nothing.
// CHECK-LABEL: func.func @asserts(
// CHECK-SAME: %[[C:[a-z0-9]+]]: i1
// CHECK-NEXT: tile.assert %[[C]], "always" : i1
// CHECK-NEXT: tile.assert %[[C]], "in check mode" : i1
// CHECK-NEXT: return
// OFF-LABEL: func.func @asserts(
// OFF-NEXT: tile.assert %{{.*}}, "always" : i1
// OFF-NEXT: return
func.func @asserts(%c: i1) {
  tile.assert %c, "always" : i1
  tile.assert %c, "in check mode" {check_mode} : i1
  return
}
