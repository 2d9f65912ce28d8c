// RUN: kiln-opt %s --tile-gpu-to-llvm | FileCheck %s

// CHECK-LABEL: llvm.func @clamp
func.func @clamp(%x: f32) -> f32 {
  // CHECK-DAG: %[[LOW:.*]] = llvm.mlir.constant(-1.040000e+02 : f32)
  // CHECK-DAG: %[[HIGH:.*]] = llvm.mlir.constant(8.900000e+01 : f32)
  // CHECK: %[[MAX:.*]] = llvm.intr.maximum(%{{.*}}, %[[LOW]])
  // CHECK-NEXT: llvm.intr.minimum(%[[MAX]], %[[HIGH]])
  %low = arith.constant -104.0 : f32
  %high = arith.constant 89.0 : f32
  %below = arith.cmpf olt, %x, %low : f32
  %0 = arith.select %below, %low, %x : f32
  %above = arith.cmpf ogt, %0, %high : f32
  %1 = arith.select %above, %high, %0 : f32
  return %1 : f32
}

// Zeros have signs, comparisons that hold for NaN choose the bound, and f64 has no instruction.
// CHECK-LABEL: llvm.func @others
// CHECK-NOT: llvm.intr
func.func @others(%x: f32, %y: f64) -> (f32, f32, f64) {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %wide = arith.constant 1.0 : f64
  %c0 = arith.cmpf olt, %x, %zero : f32
  %0 = arith.select %c0, %zero, %x : f32
  %c1 = arith.cmpf ult, %x, %one : f32
  %1 = arith.select %c1, %one, %x : f32
  %c2 = arith.cmpf olt, %y, %wide : f64
  %2 = arith.select %c2, %wide, %y : f64
  return %0, %1, %2 : f32, f32, f64
}
