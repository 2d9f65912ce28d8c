// Functions of f64 come from NVIDIA's libdevice, inlined.
// REQUIRES: libdevice, ptxas
// RUN: kiln-translate --arch sm_80 %s -o %t.ptx
// RUN: FileCheck %s --input-file %t.ptx
// RUN: %ptxas -arch=sm_80 %t.ptx -o /dev/null

// CHECK-NOT: .extern
// CHECK-LABEL: .entry functions
// CHECK: fma.rn.f64
// CHECK-NOT: call{{.*}}__nv_exp
func.func @functions(%p: i64, %x: f64) attributes {tile.kernel} {
  %0 = math.exp %x : f64
  %1 = math.exp2 %0 : f64
  %2 = math.log %1 : f64
  %3 = math.log2 %2 : f64
  %4 = math.sin %3 : f64
  %5 = math.cos %4 : f64
  %6 = math.tanh %5 : f64
  %7 = math.erf %6 : f64
  %bits = arith.bitcast %7 : f64 to i64
  tile_gpu.machine "st.global.b64"(%p, %bits) : (i64, i64) -> ()
  return
}
