// RUN: kiln-opt %s --tile-gpu-fill-first-wait | FileCheck %s

// What is pure and waits for no memory fills the wait for the first load; a later loop no longer stands before it.
// CHECK-LABEL: func @behind_the_first_load
// CHECK: %[[TID:.*]] = tile_gpu.machine "tid.x"
// CHECK-NEXT: %[[LENGTH:.*]] = tile_gpu.machine "ld.global.nc.b32"(%arg0)
// CHECK-NEXT: %[[ROW:.*]] = arith.muli %[[TID]], %arg1
// CHECK-NEXT: %[[NEXT:.*]] = arith.addi %[[ROW]], %arg1
// CHECK-NEXT: %[[SUM:.*]] = scf.for
// CHECK: %[[MORE:.*]] = arith.addi %[[SUM]], %[[NEXT]]
// CHECK-NEXT: tile_gpu.machine "st.global.b32"(%arg2, %[[MORE]])
func.func @behind_the_first_load(%lengths: i64, %stride: i32, %out: i64) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %tid = tile_gpu.machine "tid.x"() : () -> i32
  %length = tile_gpu.machine "ld.global.nc.b32"(%lengths) : (i64) -> i32
  %sum = scf.for %i = %c0 to %length step %c1 iter_args(%s = %c0) -> i32 : i32 {
    %t = arith.addi %s, %i : i32
    scf.yield %t : i32
  }
  %row = arith.muli %tid, %stride : i32
  %next = arith.addi %row, %stride : i32
  %more = arith.addi %sum, %next : i32
  tile_gpu.machine "st.global.b32"(%out, %more) : (i64, i32) -> ()
  return
}

// Nothing is loaded in front of the wait for other launches, but everything else may be done there.
// CHECK-LABEL: func @before_the_wait_for_launches
// CHECK: arith.muli
// CHECK-NEXT: tile_gpu.machine "griddepcontrol.wait"
// CHECK-NEXT: tile_gpu.machine "ld.global.nc.b32"
func.func @before_the_wait_for_launches(%p: i64, %stride: i32, %out: i64) {
  tile_gpu.machine "griddepcontrol.wait"() : () -> ()
  %x = tile_gpu.machine "ld.global.nc.b32"(%p) : (i64) -> i32
  %row = arith.muli %stride, %stride : i32
  %sum = arith.addi %x, %row : i32
  tile_gpu.machine "st.global.b32"(%out, %sum) : (i64, i32) -> ()
  return
}

// A division could trap, an exchange needs all threads, and what a load yields comes after it: they stay in place.
// CHECK-LABEL: func @staying
// CHECK: tile_gpu.machine "ld.global.nc.b32"
// CHECK-NEXT: scf.if
// CHECK: arith.divsi
// CHECK-NEXT: tile_gpu.machine "shfl.sync.bfly.b32"
// CHECK-NEXT: arith.addi
func.func @staying(%p: i64, %a: i32, %b: i32, %condition: i1, %out: i64) {
  %x = tile_gpu.machine "ld.global.nc.b32"(%p) : (i64) -> i32
  scf.if %condition {
    tile_gpu.machine "st.global.b32"(%out, %x) : (i64, i32) -> ()
  }
  %q = arith.divsi %a, %b : i32
  %y = tile_gpu.machine "shfl.sync.bfly.b32"(%a, %a, %b, %b) : (i32, i32, i32, i32) -> i32
  %z = arith.addi %y, %q : i32
  tile_gpu.machine "st.global.b32"(%out, %z) : (i64, i32) -> ()
  return
}

// Without a load in front of the first loop there is no wait to fill.
// CHECK-LABEL: func @no_load
// CHECK: scf.for
// CHECK: arith.muli
func.func @no_load(%n: i32, %out: i64) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  scf.for %i = %c0 to %n step %c1 : i32 {
    tile_gpu.machine "st.global.b32"(%out, %i) : (i64, i32) -> ()
  }
  %row = arith.muli %n, %n : i32
  tile_gpu.machine "st.global.b32"(%out, %row) : (i64, i32) -> ()
  return
}
