// RUN: kiln-opt %s --tile-split-pointers --tile-lower-memory="check-bounds asserts" --canonicalize | FileCheck %s
// RUN: kiln-opt %s --tile-split-pointers --tile-lower-memory --canonicalize | FileCheck %s --check-prefix=OFF

// CHECK-DAG: llvm.mlir.global internal constant @[[$PLACE:.*]]("kernel.cpp:7:3\00")
// CHECK-DAG: llvm.mlir.global internal constant @[[$STORE:.*]]("store\00")
// CHECK-DAG: llvm.mlir.global internal constant @[[$MESSAGE:.*]]("in range\00")
// CHECK-DAG: llvm.mlir.global internal constant @[[$PREFIX:.*]]("n = \00")
// CHECK-DAG: func.func private @kiln_cpu_check(!llvm.ptr, i64, !llvm.ptr, !llvm.ptr) -> i32
// CHECK-DAG: func.func private @kiln_cpu_assert_failed(!llvm.ptr, !llvm.ptr, i64, !llvm.ptr) -> i32
// CHECK-DAG: func.func private @kiln_cpu_print(!llvm.ptr, i32, !llvm.ptr, i64, !llvm.ptr)

// Every access asks first, and only where its lane is on; a refusal stops the program.
// CHECK-LABEL: func.func @store
// OFF-LABEL: func.func @store
func.func @store(%x: !tile.ptr<f32>, %v: tensor<4xf32>, %m: tensor<4xi1>, %n: i32) {
  %i = tile.arange 0 to 4 : tensor<4xi32>
  %s = tile.splat %x : !tile.ptr<f32> -> tensor<4x!tile.ptr<f32>>
  %p = tile.addptr %s, %i : tensor<4x!tile.ptr<f32>>, tensor<4xi32>
  // CHECK-DAG: %[[STORE:.*]] = llvm.mlir.addressof @[[$STORE]]
  // CHECK-DAG: %[[WHERE:.*]] = llvm.mlir.addressof @[[$PLACE]]
  // CHECK: scf.if
  // CHECK: %[[CODE:.*]] = func.call @kiln_cpu_check(%[[P:.*]], %c4_i64, %[[STORE]], %[[WHERE]])
  // CHECK: %[[OK:.*]] = arith.cmpi eq, %[[CODE]], %c0_i32
  // CHECK: cf.assert %[[OK]], "trap"
  // CHECK: llvm.store %{{.*}}, %[[P]]
  // OFF-NOT: kiln_cpu_check
  tile.store %p, %v mask %m : tensor<4x!tile.ptr<f32>> loc(#at)
  // CHECK: scf.for
  // CHECK: scf.if
  // CHECK: func.call @kiln_cpu_assert_failed
  // OFF-NOT: kiln_cpu_assert_failed
  tile.assert %m, "in range" : tensor<4xi1> loc(#at)
  // CHECK: call @kiln_cpu_print
  // OFF: call @kiln_cpu_print
  tile.print "n = ", %n : i32
  return
}
#at = loc("kernel.cpp":7:3)
