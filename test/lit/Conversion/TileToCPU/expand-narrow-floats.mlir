// RUN: kiln-opt --pass-pipeline='builtin.module(func.func(tile-expand-narrow-floats,canonicalize))' --split-input-file %s | FileCheck %s

// Computed in f32, rounded once.
// CHECK-LABEL: func.func @add
// CHECK-SAME: (%[[A:.*]]: bf16, %[[B:.*]]: bf16)
// CHECK: arith.bitcast %[[A]] : bf16 to i16
// CHECK-NEXT: arith.extui %{{.*}} : i16 to i32
// CHECK: arith.shli
// CHECK: %[[X:.*]] = arith.bitcast %{{.*}} : i32 to f32
// CHECK: arith.bitcast %[[B]] : bf16 to i16
// CHECK: %[[Y:.*]] = arith.bitcast %{{.*}} : i32 to f32
// CHECK: %[[S:.*]] = arith.addf %[[X]], %[[Y]] : f32
// CHECK: arith.bitcast %[[S]] : f32 to i32
// CHECK: arith.addi %{{.*}}, %c32767_i32
// CHECK: arith.cmpf uno, %[[S]], %[[S]] : f32
// CHECK: arith.trunci %{{.*}} : i32 to i16
// CHECK: %[[R:.*]] = arith.bitcast %{{.*}} : i16 to bf16
// CHECK: return %[[R]] : bf16
func.func @add(%a: bf16, %b: bf16) -> bf16 {
  %c = arith.addf %a, %b : bf16
  return %c : bf16
}

// -----

// Only the operands are bf16: nothing is rounded.
// CHECK-LABEL: func.func @compare
// CHECK-NOT: arith.trunci
// CHECK: %[[C:.*]] = arith.cmpf olt, %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK-NEXT: return %[[C]]
func.func @compare(%a: vector<8xbf16>, %b: vector<8xbf16>) -> vector<8xi1> {
  %c = arith.cmpf olt, %a, %b : vector<8xbf16>
  return %c : vector<8xi1>
}

// -----

// CHECK-LABEL: func.func @reduce
// CHECK: vector.reduction <maximumf>, %{{.*}} : vector<8xf32> into f32
func.func @reduce(%a: vector<8xbf16>) -> bf16 {
  %c = vector.reduction <maximumf>, %a : vector<8xbf16> into bf16
  return %c : bf16
}

// -----

// Moving and choosing keep the bits.
// CHECK-LABEL: func.func @select
// CHECK-NEXT: arith.select %{{.*}} : vector<8xi1>, vector<8xbf16>
// CHECK-NEXT: return
func.func @select(%m: vector<8xi1>, %a: vector<8xbf16>, %b: vector<8xbf16>) -> vector<8xbf16> {
  %c = arith.select %m, %a, %b : vector<8xi1>, vector<8xbf16>
  return %c : vector<8xbf16>
}

// -----

// CHECK-LABEL: func.func @access
// CHECK-NEXT: %[[L:.*]] = llvm.load %{{.*}} : !llvm.ptr -> vector<8xi16>
// CHECK-NEXT: llvm.store %[[L]], %{{.*}} : vector<8xi16>, !llvm.ptr
func.func @access(%p: !llvm.ptr, %q: !llvm.ptr) {
  %v = llvm.load %p : !llvm.ptr -> vector<8xbf16>
  llvm.store %v, %q : vector<8xbf16>, !llvm.ptr
  return
}

// -----

// From f64 in two steps, of which the first is to odd.
// CHECK-LABEL: func.func @from_f64
// CHECK: %[[N:.*]] = arith.truncf %{{.*}} : vector<4xf64> to vector<4xf32>
// CHECK: arith.cmpf one, %{{.*}} : vector<4xf64>
// CHECK: arith.ori
// CHECK: %[[O:.*]] = arith.bitcast %{{.*}} : vector<4xi32> to vector<4xf32>
// CHECK: arith.truncf %[[O]] : vector<4xf32> to vector<4xf16>
func.func @from_f64(%a: vector<4xf64>) -> vector<4xf16> {
  %c = arith.truncf %a : vector<4xf64> to vector<4xf16>
  return %c : vector<4xf16>
}

// -----

// The processor rounds f32 to f16 itself.
// CHECK-LABEL: func.func @from_f32
// CHECK-NEXT: arith.truncf %{{.*}} : f32 to f16
// CHECK-NEXT: return
func.func @from_f32(%a: f32) -> f16 {
  %c = arith.truncf %a : f32 to f16
  return %c : f16
}

// -----

// Nothing adds bf16 in memory: compare and swap, until nobody came in between.
// CHECK-LABEL: func.func @atomic
// CHECK-SAME: (%[[P:.*]]: !llvm.ptr, %{{.*}}: bf16)
// CHECK: %[[FIRST:.*]] = llvm.load %[[P]] atomic monotonic {alignment = 2 : i64} : !llvm.ptr -> i16
// CHECK: %[[OLD:.*]] = scf.while (%[[EXPECTED:.*]] = %[[FIRST]]) : (i16) -> i16 {
// CHECK:   %[[SUM:.*]] = arith.addf %{{.*}}, %{{.*}} : f32
// CHECK:   %[[BITS:.*]] = arith.trunci %{{.*}} : i32 to i16
// CHECK:   %[[PAIR:.*]] = llvm.cmpxchg %[[P]], %[[EXPECTED]], %[[BITS]] acq_rel acquire : !llvm.ptr, i16
// CHECK:   %[[FOUND:.*]] = llvm.extractvalue %[[PAIR]][0]
// CHECK:   %[[DONE:.*]] = llvm.extractvalue %[[PAIR]][1]
// CHECK:   %[[AGAIN:.*]] = arith.xori %[[DONE]], %true
// CHECK:   scf.condition(%[[AGAIN]]) %[[FOUND]] : i16
// CHECK: arith.bitcast %[[OLD]] : i16 to bf16
func.func @atomic(%p: !llvm.ptr, %v: bf16) -> bf16 {
  %old = llvm.atomicrmw fadd %p, %v acq_rel : !llvm.ptr, bf16
  return %old : bf16
}
