// Calls of device functions become one call of the host implementation for all elements: arguments and results are buffers, an i1 is a byte.
// RUN: kiln-opt %s --tile-split-pointers --tile-lower-memory --canonicalize | FileCheck %s

// CHECK-DAG: llvm.mlir.global external @kiln_host_callable_split()
// CHECK-DAG: func.func private @kiln_host_call_split(!llvm.ptr, i64, !llvm.ptr, !llvm.ptr)
// CHECK-NOT: func.func private @split

// CHECK-LABEL: func.func @several(
// CHECK-SAME: %[[X:.*]]: tensor<4x8xf16>, %[[FLAG:.*]]: tensor<4x8xi1>
// CHECK-DAG: %[[CALLABLE:.*]] = llvm.mlir.addressof @kiln_host_callable_split
// CHECK-DAG: %[[COUNT:.*]] = arith.constant 32 : i64
// All buffers are there before an address is taken: to tile-plan-scratch a buffer lives until then.
// CHECK: %[[IN:.*]] = memref.alloc() : memref<4x8xf16>
// CHECK: %[[FLAGS:.*]] = memref.alloc() : memref<4x8xi8>
// CHECK: %[[OUT0:.*]] = memref.alloc() : memref<4x8xf32>
// CHECK: %[[OUT1:.*]] = memref.alloc() : memref<4x8xi8>
// CHECK: memref.alloc() : memref<2xi64>
// CHECK: memref.alloc() : memref<2xi64>
// CHECK-NOT: memref.alloc
// CHECK: memref.store %{{.*}}, %[[IN]][
// CHECK: %[[BYTE:.*]] = arith.extui %{{.*}} : i1 to i8
// CHECK: memref.store %[[BYTE]], %[[FLAGS]][
// CHECK: memref.extract_aligned_pointer_as_index %[[IN]]
// CHECK: call @kiln_host_call_split(%[[CALLABLE]], %[[COUNT]], %{{.*}}, %{{.*}})
// CHECK: bufferization.to_tensor %[[OUT0]]
// CHECK: bufferization.to_tensor %[[OUT1]]
// CHECK: arith.trunci %{{.*}} : tensor<4x8xi8> to tensor<4x8xi1>
func.func private @split(f16, i1) -> (f32, i1) attributes {tile.digest = "01"}
func.func @several(%x: tensor<4x8xf16>, %flag: tensor<4x8xi1>) -> (tensor<4x8xf32>, tensor<4x8xi1>) {
  %r:2 = tile.extern_call @split(%x, %flag) pure : (tensor<4x8xf16>, tensor<4x8xi1>) -> (tensor<4x8xf32>, tensor<4x8xi1>)
  return %r#0, %r#1 : tensor<4x8xf32>, tensor<4x8xi1>
}

// CHECK-LABEL: func.func @scalar(
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1 : i64
// CHECK-DAG: %[[NOTHING:.*]] = llvm.mlir.zero : !llvm.ptr
// CHECK: memref.store %{{.*}} : memref<1xbf16>
// CHECK: call @kiln_host_call_note(%{{.*}}, %[[ONE]], %{{.*}}, %[[NOTHING]])
func.func private @note(bf16)
func.func @scalar(%x: bf16) {
  tile.extern_call @note(%x) : (bf16) -> ()
  return
}
