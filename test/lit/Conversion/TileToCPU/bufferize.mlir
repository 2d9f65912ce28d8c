// RUN: kiln-opt %s --tile-bufferize | FileCheck %s

// An accumulator that is updated in place stays in the buffer that the loop carries, and the copy into it is gone.
// CHECK-LABEL: func.func @accumulate
func.func @accumulate(%x: f32, %n: index, %p: !llvm.ptr) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %e = tensor.empty() : tensor<8xf32>
  %zero = arith.constant 0.0 : f32
  // CHECK: %[[ACC:.*]] = memref.alloc
  // CHECK: linalg.fill {{.*}} outs(%[[ACC]] : memref<8xf32>)
  %init = linalg.fill ins(%zero : f32) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  // CHECK: scf.for
  // CHECK-NOT: memref.alloc
  // CHECK: linalg.generic {{.*}} outs(%[[ACC]] : memref<8xf32>)
  // CHECK-NOT: copy
  // CHECK: }
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %init) -> (tensor<8xf32>) {
    %sum = linalg.generic {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>], iterator_types = ["parallel"]}
        ins(%acc : tensor<8xf32>) outs(%acc : tensor<8xf32>) {
    ^bb0(%a: f32, %o: f32):
      %s = arith.addf %a, %x : f32
      linalg.yield %s : f32
    } -> tensor<8xf32>
    %carried = linalg.copy ins(%sum : tensor<8xf32>) outs(%acc : tensor<8xf32>) -> tensor<8xf32>
    scf.yield %carried : tensor<8xf32>
  }
  // CHECK: memref.load %[[ACC]]
  %v = tensor.extract %r[%c0] : tensor<8xf32>
  llvm.store %v, %p : f32, !llvm.ptr
  return
}

// What is written through a buffer of its own stays apart, even from a tensor whose contents nobody asked for.
// CHECK-LABEL: func.func @through_buffers
func.func @through_buffers(%x: f32, %i: index) -> (f32, f32) {
  // CHECK: %[[SHARED:.*]] = memref.alloc
  // CHECK: linalg.fill {{.*}} outs(%[[SHARED]]
  %e = tensor.empty() : tensor<8xf32>
  %start = linalg.fill ins(%x : f32) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  // CHECK: %[[OWN:.*]] = memref.alloc
  // CHECK: linalg.copy ins(%[[SHARED]] {{.*}} outs(%[[OWN]]
  %copy = bufferization.alloc_tensor() copy(%start) : tensor<8xf32>
  %own = bufferization.to_buffer %copy : tensor<8xf32> to memref<8xf32>
  // CHECK: memref.store %{{.*}}, %[[OWN]]
  memref.store %x, %own[%i] : memref<8xf32>
  %sums = bufferization.to_tensor %own restrict writable : memref<8xf32> to tensor<8xf32>
  // CHECK: memref.store %{{.*}}, %[[SHARED]]
  %other = tensor.insert %x into %e[%i] : tensor<8xf32>
  %a = tensor.extract %other[%i] : tensor<8xf32>
  // CHECK: memref.load %[[OWN]]
  %b = tensor.extract %sums[%i] : tensor<8xf32>
  return %a, %b : f32, f32
}
