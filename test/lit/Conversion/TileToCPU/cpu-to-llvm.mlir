// RUN: kiln-opt %s --tile-cpu-to-llvm --reconcile-unrealized-casts | FileCheck %s

// A failed check leaves the kernel with code 1; nothing aborts.
// CHECK-LABEL: llvm.func @kernel
// CHECK-NOT:     llvm.call @abort
func.func @kernel(%x: !llvm.ptr, %ok: i1, %s: memref<64xi8>) -> i32 {
  // CHECK: llvm.cond_br %{{.*}}, ^[[REST:.*]], ^[[STOP:.*]]
  cf.assert %ok, "trap"
  // CHECK: ^[[REST]]:
  // CHECK: llvm.load %{{.*}} : !llvm.ptr -> vector<8xf32>
  // CHECK: llvm.intr.fma({{.*}}) : (vector<8xf32>, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
  %v = llvm.load %x : !llvm.ptr -> vector<8xf32>
  %f = math.fma %v, %v, %v : vector<8xf32>
  llvm.store %f, %x : vector<8xf32>, !llvm.ptr
  %c0 = arith.constant 0 : i32
  // CHECK: llvm.return
  return %c0 : i32
  // CHECK: ^[[STOP]]:
  // CHECK-NEXT: %[[ONE:.*]] = llvm.mlir.constant(1 : i32)
  // CHECK-NEXT: llvm.return %[[ONE]]
}

// What has an intrinsic is not a call, what has none is.
// CHECK-LABEL: llvm.func @functions
func.func @functions(%x: f64) -> f64 {
  // CHECK: llvm.intr.exp
  %e = math.exp %x : f64
  // CHECK: llvm.call @erf
  %r = math.erf %e : f64
  return %r : f64
}
