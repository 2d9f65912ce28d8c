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

// A copy that kept apart what is written through a buffer goes, but not where the values from before are needed again.
// CHECK-LABEL: func.func @through_buffers
func.func @through_buffers(%x: f32, %i: index) -> (f32, f32, f32) {
  // CHECK: %[[START:.*]] = memref.alloc
  // CHECK: linalg.fill {{.*}} outs(%[[START]]
  %e = tensor.empty() : tensor<8xf32>
  %start = linalg.fill ins(%x : f32) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  // CHECK: %[[COPY:.*]] = memref.alloc
  // CHECK: linalg.copy ins(%[[START]] {{.*}} outs(%[[COPY]]
  // CHECK-NOT: alloc
  %one = bufferization.alloc_tensor() copy(%start) : tensor<8xf32>
  %a = bufferization.to_buffer %one : tensor<8xf32> to memref<8xf32>
  // CHECK: memref.store %{{.*}}, %[[COPY]]
  memref.store %x, %a[%i] : memref<8xf32>
  %before = tensor.extract %start[%i] : tensor<8xf32>
  %two = bufferization.alloc_tensor() copy(%start) : tensor<8xf32>
  %b = bufferization.to_buffer %two : tensor<8xf32> to memref<8xf32>
  // CHECK: memref.store %{{.*}}, %[[START]]
  memref.store %x, %b[%i] : memref<8xf32>
  %c = memref.load %a[%i] : memref<8xf32>
  %d = memref.load %b[%i] : memref<8xf32>
  return %before, %c, %d : f32, f32, f32
}

// What the condition forwards has lost the flag, which only the condition reads, so that tensor and argument no longer have one number.
// CHECK-LABEL: func.func @while
func.func @while(%x: f32, %flag: i1, %p: !llvm.ptr) {
  %c0 = arith.constant 0 : index
  %e = tensor.empty() : tensor<8xf32>
  %init = linalg.fill ins(%x : f32) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  // CHECK: scf.while (%[[F:.*]] = %{{.*}}, %[[B:.*]] = %{{.*}}) : (i1, memref<8xf32{{.*}}>) -> (i1, memref<8xf32{{.*}}>)
  // CHECK: scf.condition(%[[F]]) %[[F]], %[[B]]
  %r = scf.while (%f = %flag, %t = %init) : (i1, tensor<8xf32>) -> tensor<8xf32> {
    scf.condition(%f) %t : tensor<8xf32>
  } do {
  ^bb0(%t: tensor<8xf32>):
    %v = tensor.extract %t[%c0] : tensor<8xf32>
    %again = arith.cmpf ogt, %v, %x : f32
    scf.yield %again, %t : i1, tensor<8xf32>
  }
  %v = tensor.extract %r[%c0] : tensor<8xf32>
  llvm.store %v, %p : f32, !llvm.ptr
  return
}

// What the condition computes and forwards has a buffer of its own.
// CHECK-LABEL: func.func @while_computes
func.func @while_computes(%x: f32, %p: !llvm.ptr) {
  %c0 = arith.constant 0 : index
  %e = tensor.empty() : tensor<8xf32>
  %init = linalg.fill ins(%x : f32) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  // CHECK: scf.while (%[[T:.*]] = %{{.*}}, %[[B:.*]] = %{{.*}}) : (memref<8xf32{{.*}}>, memref<8xf32{{.*}}>)
  // CHECK: linalg.copy {{.*}} outs(%[[B]] :
  // CHECK: scf.condition(%{{.*}}) %[[T]], %[[B]]
  %r = scf.while (%t = %init) : (tensor<8xf32>) -> tensor<8xf32> {
    %s = tensor.insert %x into %t[%c0] : tensor<8xf32>
    %v = tensor.extract %t[%c0] : tensor<8xf32>
    %again = arith.cmpf ogt, %v, %x : f32
    scf.condition(%again) %s : tensor<8xf32>
  } do {
  ^bb0(%t: tensor<8xf32>):
    scf.yield %t : tensor<8xf32>
  }
  %v = tensor.extract %r[%c0] : tensor<8xf32>
  llvm.store %v, %p : f32, !llvm.ptr
  return
}
