// RUN: kiln-opt %s --convert-scf-to-cf --tile-gpu-to-llvm=capability=90 --reconcile-unrealized-casts | kiln-translate --arch sm_90a | FileCheck %s

// What is loaded before a store is not loaded after it, even if only a branch needs it.
// CHECK-LABEL: .entry order(
// CHECK: ld.global.b32
// CHECK: st.global.b32
// CHECK: bra
// CHECK-NOT: ld.global
// CHECK: rem.s32
func.func @order(%p: i64, %q: i64, %on: i1, %c: i1, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32, tile_gpu.shared_bytes = 0 : i64} {
  %v = tile_gpu.machine "ld.global.b32"(%p) : (i64) -> i32
  tile_gpu.machine "st.global.b32.pred"(%p, %on, %n) : (i64, i1, i32) -> ()
  scf.if %c {
    %r = arith.divsi %v, %n : i32
    %s = arith.remsi %v, %r : i32
    tile_gpu.machine "st.global.b32"(%q, %s) : (i64, i32) -> ()
  }
  return
}

// Nor is it loaded after a barrier.
// CHECK-LABEL: .entry barrier(
// CHECK: ld.shared.b32
// CHECK: bar.sync
// CHECK: bra
// CHECK-NOT: ld.shared
// CHECK: div.s32
func.func @barrier(%s: i32, %q: i64, %c: i1, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %v = tile_gpu.machine "ld.shared.b32"(%s) : (i32) -> i32
  tile_gpu.machine "bar.sync"() : () -> ()
  scf.if %c {
    %r = arith.divsi %v, %n : i32
    tile_gpu.machine "st.global.b32"(%q, %r) : (i64, i32) -> ()
  }
  return
}
