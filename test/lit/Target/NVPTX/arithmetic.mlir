// Arithmetic is one correctly rounded instruction for each operation: nothing is contracted, flushed or approximated.
// RUN: kiln-translate --arch sm_80 %s | FileCheck %s --implicit-check-not=.ftz --implicit-check-not=approx --implicit-check-not=.full
// RUN: kiln-translate --arch sm_90a %s | FileCheck %s --check-prefix=SM90

// CHECK-LABEL: .entry f32
func.func @f32(%p: i64, %x: f32, %y: f32) attributes {tile.kernel} {
  // CHECK: mul.rn.f32
  // CHECK: add.rn.f32
  %0 = arith.mulf %x, %y : f32
  %1 = arith.addf %0, %y : f32
  // CHECK: div.rn.f32
  %2 = arith.divf %1, %y : f32
  // CHECK: sqrt.rn.f32
  %3 = math.sqrt %2 : f32
  // CHECK: max.NaN.f32
  %4 = arith.maximumf %3, %y : f32
  // CHECK: min.f32
  %5 = arith.minnumf %4, %x : f32
  // CHECK: cvt.rni.f32.f32
  %6 = math.roundeven %5 : f32
  // CHECK: fma.rn.f32
  %7 = math.fma %6, %x, %y : f32
  %bits = arith.bitcast %7 : f32 to i32
  tile_gpu.machine "st.global.b32"(%p, %bits) : (i64, i32) -> ()
  return
}

// bf16 has additions and products from sm_90 on. Before, an fma with 1 or -0 rounds the same number once.
// CHECK-LABEL: .entry bf16
// SM90-LABEL: .entry bf16
func.func @bf16(%p: i64, %x: bf16, %y: bf16) attributes {tile.kernel} {
  // CHECK: mov.b16 [[MINUS_ZERO:%rs[0-9]+]], 0x8000;
  // CHECK: fma.rn.bf16 [[PRODUCT:%rs[0-9]+]], {{.*}}, [[MINUS_ZERO]];
  // CHECK: mov.b16 [[ONE:%rs[0-9]+]], 0x3F80;
  // CHECK: fma.rn.bf16 {{%rs[0-9]+}}, [[PRODUCT]], [[ONE]],
  // SM90: mul.rn.bf16
  // SM90: add.rn.bf16
  %0 = arith.mulf %x, %y : bf16
  %1 = arith.addf %0, %y : bf16
  // CHECK: div.rn.f32
  // CHECK: cvt.rn.bf16.f32
  %2 = arith.divf %1, %x : bf16
  %bits = arith.bitcast %2 : bf16 to i16
  tile_gpu.machine "st.global.b16"(%p, %bits) : (i64, i16) -> ()
  return
}

// CHECK-LABEL: .entry f16
func.func @f16(%p: i64, %x: f16, %y: f16) attributes {tile.kernel} {
  // CHECK: mul.rn.f16
  // CHECK: add.rn.f16
  %0 = arith.mulf %x, %y : f16
  %1 = arith.addf %0, %y : f16
  // CHECK: max.NaN.f16
  %2 = arith.maximumf %1, %x : f16
  %bits = arith.bitcast %2 : f16 to i16
  tile_gpu.machine "st.global.b16"(%p, %bits) : (i64, i16) -> ()
  return
}

// CHECK-LABEL: .entry f64
func.func @f64(%p: i64, %x: f64, %y: f64) attributes {tile.kernel} {
  // CHECK: mul.rn.f64
  // CHECK: add.rn.f64
  %0 = arith.mulf %x, %y : f64
  %1 = arith.addf %0, %y : f64
  // CHECK: div.rn.f64
  %2 = arith.divf %1, %x : f64
  // CHECK: cvt.rn.f16.f64
  %3 = arith.truncf %2 : f64 to f16
  %bits = arith.bitcast %3 : f16 to i16
  tile_gpu.machine "st.global.b16"(%p, %bits) : (i64, i16) -> ()
  return
}
