// RUN: kiln-opt %s --tile-gpu-to-llvm=libdevice=true | FileCheck %s

// CHECK: llvm.func @__nv_tanh(f64) -> f64
// CHECK-LABEL: llvm.func @f(%arg0: f64
// CHECK: llvm.call @__nv_tanh(%arg0) : (f64) -> f64
func.func @f(%x: f64) -> f64 {
  %0 = math.tanh %x : f64
  return %0 : f64
}
