// RUN: kiln-opt %s --tile-expand-math | FileCheck %s

// The argument is clamped, rounded to an integer n by adding a large constant, and the rest goes through a polynomial. 2^n is applied as two factors, of which
// the second is 1 unless the result is subnormal.
// CHECK-LABEL: func @exp2(
// CHECK-SAME: %[[X:.*]]: tensor<8xf32>
func.func @exp2(%x: tensor<8xf32>) -> tensor<8xf32> {
  // CHECK-NOT: math.exp2
  // CHECK: %[[LOW:.*]] = arith.constant dense<-1.510000e+02>
  // CHECK: arith.cmpf olt, %[[X]], %[[LOW]] : tensor<8xf32>
  // CHECK: %[[SHIFTED:.*]] = arith.addf
  // CHECK-COUNT-6: math.fma
  // CHECK-NOT: math.fma
  // CHECK: arith.bitcast %[[SHIFTED]] : tensor<8xf32> to tensor<8xi32>
  // CHECK: arith.shli
  // CHECK: arith.maxsi
  // CHECK: arith.minui
  // CHECK: arith.mulf
  // CHECK: %[[R:.*]] = arith.mulf
  // CHECK: return %[[R]]
  %r = math.exp2 %x : tensor<8xf32>
  return %r : tensor<8xf32>
}

// Scalars are expanded alike.
// CHECK-LABEL: func @exp(
// CHECK-NOT: math.exp
// CHECK-COUNT-9: math.fma {{.*}} : f32
func.func @exp(%x: f32) -> f32 {
  %r = math.exp %x : f32
  return %r : f32
}

// CHECK-LABEL: func @logarithms(
// CHECK-NOT: math.log
// CHECK: return
func.func @logarithms(%x: tensor<4x2xf32>) -> (tensor<4x2xf32>, tensor<4x2xf32>) {
  %a = math.log %x : tensor<4x2xf32>
  %b = math.log2 %x : tensor<4x2xf32>
  return %a, %b : tensor<4x2xf32>, tensor<4x2xf32>
}

// CHECK-LABEL: func @others(
// CHECK-NOT: math.{{sin|cos|tanh|erf}}
// CHECK: return
func.func @others(%x: f32) -> (f32, f32, f32, f32) {
  %a = math.sin %x : f32
  %b = math.cos %x : f32
  %c = math.tanh %x : f32
  %d = math.erf %x : f32
  return %a, %b, %c, %d : f32, f32, f32, f32
}

// CHECK-LABEL: func @rsqrt(
func.func @rsqrt(%x: tensor<8xf64>, %y: f32) -> (tensor<8xf64>, f32) {
  // CHECK: %[[ONE:.*]] = arith.constant dense<1.000000e+00>
  // CHECK: %[[ROOT:.*]] = math.sqrt %{{.*}} : tensor<8xf64>
  // CHECK: arith.divf %[[ONE]], %[[ROOT]]
  // CHECK: math.sqrt %{{.*}} : f32
  // CHECK: arith.divf
  %r = math.rsqrt %x : tensor<8xf64>
  %s = math.rsqrt %y : f32
  return %r, %s : tensor<8xf64>, f32
}

// Double precision and exact functions stay.
// CHECK-LABEL: func @kept(
func.func @kept(%x: tensor<8xf64>, %y: tensor<8xf32>) -> (tensor<8xf64>, tensor<8xf32>, tensor<8xf32>) {
  // CHECK: math.exp2 %{{.*}} : tensor<8xf64>
  // CHECK: math.sqrt %{{.*}} : tensor<8xf32>
  // CHECK: math.floor %{{.*}} : tensor<8xf32>
  %a = math.exp2 %x : tensor<8xf64>
  %b = math.sqrt %y : tensor<8xf32>
  %c = math.floor %y : tensor<8xf32>
  return %a, %b, %c : tensor<8xf64>, tensor<8xf32>, tensor<8xf32>
}
