// RUN: kiln-opt %s --tile-gpu-insert-barriers | FileCheck %s

#own = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = [[64], [128]]>
#copies = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[0], [0]]>
#a = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32], [64]]>
#rows = #tile_gpu.layout<register = [[0, 1]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = [[8, 0], [16, 0]]>
#b = #tile_gpu.layout<register = [], lane = [[4], [8], [16], [32], [64]], warp = [[1], [2]]>

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

// Each thread reads what it has written itself: through the same pointers, and only then.
// CHECK-LABEL: @pointers(
// CHECK: %[[P:.*]] = tile.addptr
// CHECK-NEXT: tile.store %[[P]]
// CHECK-NEXT: tile.load %[[P]]
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.load %arg1
// CHECK-NEXT: tile.load %[[P]]
// CHECK-NEXT: return
func.func @pointers(%at: !tile.ptr<f32>, %q: tensor<256x!tile.ptr<f32>, #own>, %x: tensor<256xf32, #own>) {
  %lanes = tile.arange 0 to 256 : tensor<256xi32, #own>
  %all = tile.splat %at : !tile.ptr<f32> -> tensor<256x!tile.ptr<f32>, #own>
  %p = tile.addptr %all, %lanes : tensor<256x!tile.ptr<f32>, #own>, tensor<256xi32, #own>
  tile.store %p, %x : tensor<256x!tile.ptr<f32>, #own>
  %y = tile.load %p : tensor<256x!tile.ptr<f32>, #own> -> tensor<256xf32, #own>
  %z = tile.load %q : tensor<256x!tile.ptr<f32>, #own> -> tensor<256xf32, #own>
  %w = tile.load %p : tensor<256x!tile.ptr<f32>, #own> -> tensor<256xf32, #own>
  return
}

// Two threads have the same pointer, or may have: what one has written the other reads or writes after it.
// CHECK-LABEL: @repeated(
// CHECK: tile.store
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.load
// CHECK: tile.atomic_rmw
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.load
// CHECK-NEXT: return
func.func @repeated(%at: !tile.ptr<f32>, %q: tensor<256x!tile.ptr<i32>, #own>, %x: tensor<256xf32, #own>, %m: tensor<256xi1, #own>, %v: tensor<256xi32, #own>) {
  %c64 = arith.constant dense<64> : tensor<256xi32, #own>
  %lanes = tile.arange 0 to 256 : tensor<256xi32, #own>
  %places = arith.remsi %lanes, %c64 : tensor<256xi32, #own>
  %all = tile.splat %at : !tile.ptr<f32> -> tensor<256x!tile.ptr<f32>, #own>
  %p = tile.addptr %all, %places : tensor<256x!tile.ptr<f32>, #own>, tensor<256xi32, #own>
  tile.store %p, %x mask %m : tensor<256x!tile.ptr<f32>, #own>
  %y = tile.load %p : tensor<256x!tile.ptr<f32>, #own> -> tensor<256xf32, #own>
  %z = tile.atomic_rmw add relaxed device %q, %v : tensor<256x!tile.ptr<i32>, #own> -> tensor<256xi32, #own>
  %w = tile.load %q : tensor<256x!tile.ptr<i32>, #own> -> tensor<256xi32, #own>
  return
}

// Rows at a distance that is not known may be the same row.
// CHECK-LABEL: @rows(
// CHECK: tile.load
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.store
func.func @rows(%p: tensor<32x8x!tile.ptr<f32>, #rows>) {
  %x = tile.load %p : tensor<32x8x!tile.ptr<f32>, #rows> -> tensor<32x8xf32, #rows>
  tile.store %p, %x : tensor<32x8x!tile.ptr<f32>, #rows>
  return
}

// A store after a load, and a store after a store.
// CHECK-LABEL: @writes(
// CHECK-NEXT: tile.load
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.store %arg1
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.store %arg0
// CHECK-NEXT: return
func.func @writes(%p: tensor<256x!tile.ptr<f32>, #own>, %q: tensor<256x!tile.ptr<f32>, #own>) {
  %x = tile.load %p : tensor<256x!tile.ptr<f32>, #own> -> tensor<256xf32, #own>
  tile.store %q, %x : tensor<256x!tile.ptr<f32>, #own>
  tile.store %p, %x : tensor<256x!tile.ptr<f32>, #own>
  return
}

// Of an element with copies the owner writes, once and again, what others read.
// CHECK-LABEL: @copies(
// CHECK: tile.store
// CHECK-NEXT: tile.store
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.load
func.func @copies(%at: !tile.ptr<f32>, %x: tensor<32xf32, #copies>) {
  %lanes = tile.arange 0 to 32 : tensor<32xi32, #copies>
  %all = tile.splat %at : !tile.ptr<f32> -> tensor<32x!tile.ptr<f32>, #copies>
  %p = tile.addptr %all, %lanes : tensor<32x!tile.ptr<f32>, #copies>, tensor<32xi32, #copies>
  tile.store %p, %x : tensor<32x!tile.ptr<f32>, #copies>
  tile.store %p, %x : tensor<32x!tile.ptr<f32>, #copies>
  %y = tile.load %p : tensor<32x!tile.ptr<f32>, #copies> -> tensor<32xf32, #copies>
  return
}

// The first thread makes all scalar stores and atomics, but all threads load.
// CHECK-LABEL: @scalars(
// CHECK-NEXT: tile.store
// CHECK-NEXT: tile.store
// CHECK-NEXT: tile.atomic_rmw
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.load
// CHECK-NEXT: tile.load
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.store
// CHECK-NEXT: return
func.func @scalars(%p: !tile.ptr<i32>, %q: !tile.ptr<i32>, %v: i32) attributes {tile.kernel} {
  tile.store %p, %v : !tile.ptr<i32>
  tile.store %q, %v : !tile.ptr<i32>
  %o = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i32
  %x = tile.load %p : !tile.ptr<i32> -> i32
  %y = tile.load %q : !tile.ptr<i32> -> i32
  tile.store %p, %y : !tile.ptr<i32>
  return
}

// CHECK-LABEL: @readonly(
// CHECK-NOT: tile_gpu.barrier
// CHECK: return
func.func @readonly(%p: !tile.ptr<f32> {tile.readonly}, %r: !tile.ptr<f32>) attributes {tile.kernel} {
  %q = tile.splat %r : !tile.ptr<f32> -> tensor<256x!tile.ptr<f32>, #own>
  %x = tile.load %p : !tile.ptr<f32> -> f32
  %t = tile.splat %x : f32 -> tensor<256xf32, #own>
  tile.store %q, %t : tensor<256x!tile.ptr<f32>, #own>
  %y = tile.load %p : !tile.ptr<f32> -> f32
  return
}

// Additions commute as long as nobody asks for the old values.
// CHECK-LABEL: @atomics(
// CHECK-NEXT: tile.atomic_rmw add
// CHECK-NEXT: tile.atomic_rmw add
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.atomic_rmw max
// CHECK-NEXT: return
func.func @atomics(%p: tensor<256x!tile.ptr<i32>, #own>, %q: tensor<256x!tile.ptr<i32>, #own>, %x: tensor<256xi32, #own>) {
  %0 = tile.atomic_rmw add relaxed device %p, %x : tensor<256x!tile.ptr<i32>, #own> -> tensor<256xi32, #own>
  %1 = tile.atomic_rmw add relaxed device %q, %x : tensor<256x!tile.ptr<i32>, #own> -> tensor<256xi32, #own>
  %2 = tile.atomic_rmw max relaxed device %p, %x : tensor<256x!tile.ptr<i32>, #own> -> tensor<256xi32, #own>
  return
}

// A release waits before it, an acquire after it: these barriers are part of their lowering.
// CHECK-LABEL: @orders(
// CHECK-NOT: tile_gpu.barrier
// CHECK: return
func.func @orders(%p: tensor<256x!tile.ptr<i32>, #own>, %x: tensor<256xi32, #own>, %flag: !tile.ptr<i32>, %v: i32) {
  tile.store %p, %x : tensor<256x!tile.ptr<i32>, #own>
  %0 = tile.atomic_rmw add acq_rel device %flag, %v : !tile.ptr<i32> -> i32
  %y = tile.load %p : tensor<256x!tile.ptr<i32>, #own> -> tensor<256xi32, #own>
  %z = tile.load %flag : !tile.ptr<i32> -> i32
  return
}

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

// Two places in turn: each exchange waits once inside, which settles the one before.
// CHECK-LABEL: @turns(
// CHECK-NOT: tile_gpu.barrier
// CHECK: return
func.func @turns(%x: tensor<128xf32, #a>) {
  %y = tile_gpu.convert_layout %x {tile_gpu.shared_offset = 0 : i64} : tensor<128xf32, #a> -> tensor<128xf32, #b>
  %z = tile_gpu.convert_layout %x {tile_gpu.shared_offset = 512 : i64} : tensor<128xf32, #a> -> tensor<128xf32, #b>
  %w = tile_gpu.convert_layout %x {tile_gpu.shared_offset = 0 : i64} : tensor<128xf32, #a> -> tensor<128xf32, #b>
  return
}

// CHECK-LABEL: @overlap(
// CHECK-NEXT: tile_gpu.convert_layout
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile_gpu.convert_layout
// CHECK-NEXT: return
func.func @overlap(%x: tensor<128xf32, #a>) {
  %y = tile_gpu.convert_layout %x {tile_gpu.shared_offset = 0 : i64} : tensor<128xf32, #a> -> tensor<128xf32, #b>
  %z = tile_gpu.convert_layout %x {tile_gpu.shared_offset = 496 : i64} : tensor<128xf32, #a> -> tensor<128xf32, #b>
  return
}

// An exchange settles accesses of global memory on the way.
// CHECK-LABEL: @both(
// CHECK-NOT: tile_gpu.barrier
// CHECK: return
func.func @both(%p: tensor<128x!tile.ptr<f32>, #a>, %q: tensor<128x!tile.ptr<f32>, #b>, %x: tensor<128xf32, #a>) {
  tile.store %p, %x : tensor<128x!tile.ptr<f32>, #a>
  %y = tile_gpu.convert_layout %x {tile_gpu.shared_offset = 0 : i64} : tensor<128xf32, #a> -> tensor<128xf32, #b>
  %z = tile.load %q : tensor<128x!tile.ptr<f32>, #b> -> tensor<128xf32, #b>
  return
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

// Once around the loop the same bytes come again.
// CHECK-LABEL: @around(
// CHECK: scf.for
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile_gpu.convert_layout
// CHECK-NEXT: {{^ +[}]$}}
func.func @around(%n: i32, %x: tensor<128xf32, #a>) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  scf.for %i = %c0 to %n step %c1 : i32 {
    %y = tile_gpu.convert_layout %x {tile_gpu.shared_offset = 0 : i64} : tensor<128xf32, #a> -> tensor<128xf32, #b>
  }
  return
}

// What was stored in front of the loop is waited for there; the loop itself only loads.
// CHECK-LABEL: @front(
// CHECK: tile.store
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: scf.for
// CHECK-NOT: tile_gpu.barrier
func.func @front(%n: i32, %p: tensor<256x!tile.ptr<f32>, #own>, %q: tensor<256x!tile.ptr<f32>, #own>, %x: tensor<256xf32, #own>) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  tile.store %p, %x : tensor<256x!tile.ptr<f32>, #own>
  scf.for %i = %c0 to %n step %c1 : i32 {
    %y = tile.load %q : tensor<256x!tile.ptr<f32>, #own> -> tensor<256xf32, #own>
  }
  return
}

// One value, but other pointers in the next iteration: a barrier, and one is enough. Through pointers from outside of
// the loop each thread stays with its own.
// CHECK-LABEL: @iterations(
// CHECK: scf.for
// CHECK-NEXT: tile.splat
// CHECK-NEXT: tile.addptr
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.load
// CHECK-NEXT: tile.store
// CHECK-NEXT: {{^ +[}]$}}
// CHECK: tile_gpu.barrier
// CHECK-NEXT: scf.for
// CHECK-NEXT: tile.load
// CHECK-NEXT: tile.store
// CHECK-NEXT: {{^ +[}]$}}
func.func @iterations(%n: i32, %at: !tile.ptr<f32>) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %lanes = tile.arange 0 to 256 : tensor<256xi32, #own>
  %all = tile.splat %at : !tile.ptr<f32> -> tensor<256x!tile.ptr<f32>, #own>
  %p = tile.addptr %all, %lanes : tensor<256x!tile.ptr<f32>, #own>, tensor<256xi32, #own>
  scf.for %i = %c0 to %n step %c1 : i32 {
    %o = tile.splat %i : i32 -> tensor<256xi32, #own>
    %q = tile.addptr %p, %o : tensor<256x!tile.ptr<f32>, #own>, tensor<256xi32, #own>
    %y = tile.load %q : tensor<256x!tile.ptr<f32>, #own> -> tensor<256xf32, #own>
    tile.store %q, %y : tensor<256x!tile.ptr<f32>, #own>
  }
  scf.for %i = %c0 to %n step %c1 : i32 {
    %y = tile.load %p : tensor<256x!tile.ptr<f32>, #own> -> tensor<256xf32, #own>
    tile.store %p, %y : tensor<256x!tile.ptr<f32>, #own>
  }
  return
}

// Either branch may have stored.
// CHECK-LABEL: @branches(
// CHECK: scf.if
// CHECK-NEXT: tile.store
// CHECK-NEXT: } else {
// CHECK-NEXT: tile_gpu.convert_layout
// CHECK-NEXT: {{^ +[}]$}}
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.load
func.func @branches(%c: i1, %p: tensor<256x!tile.ptr<f32>, #own>, %q: tensor<256x!tile.ptr<f32>, #own>, %x: tensor<256xf32, #own>,
                    %y: tensor<128xf32, #a>) {
  scf.if %c {
    tile.store %p, %x : tensor<256x!tile.ptr<f32>, #own>
  } else {
    %z = tile_gpu.convert_layout %y {tile_gpu.shared_offset = 0 : i64} : tensor<128xf32, #a> -> tensor<128xf32, #b>
  }
  %w = tile.load %q : tensor<256x!tile.ptr<f32>, #own> -> tensor<256xf32, #own>
  return
}

// The condition of a while loop runs again behind its body, and last.
// CHECK-LABEL: @condition(
// CHECK: scf.while
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.load
// CHECK: } do {
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile.store
// CHECK: return
func.func @condition(%p: !tile.ptr<i32>, %v: i32) {
  %c0 = arith.constant 0 : i32
  scf.while : () -> () {
    %x = tile.load %p : !tile.ptr<i32> -> i32
    %go = arith.cmpi ne, %x, %c0 : i32
    scf.condition(%go)
  } do {
    tile.store %p, %v : !tile.ptr<i32>
    scf.yield
  }
  return
}

// Two exchanges in a loop at two places: the one wait inside each of them is enough for the other, around the loop too.
// CHECK-LABEL: @alternating(
// CHECK-NOT: tile_gpu.barrier
// CHECK: return
func.func @alternating(%n: i32, %x: tensor<128xf32, #a>) {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %0 = tile_gpu.convert_layout %x {tile_gpu.shared_offset = 512 : i64} : tensor<128xf32, #a> -> tensor<128xf32, #b>
  scf.for %i = %c0 to %n step %c1 : i32 {
    %y = tile_gpu.convert_layout %x {tile_gpu.shared_offset = 0 : i64} : tensor<128xf32, #a> -> tensor<128xf32, #b>
    %z = tile_gpu.convert_layout %x {tile_gpu.shared_offset = 512 : i64} : tensor<128xf32, #a> -> tensor<128xf32, #b>
  }
  return
}

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

#l128 = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32], [64]]>
#m128 = #tile_gpu.layout<register = [], lane = [[4], [8], [16], [32], [64]], warp = [[1], [2]]>
#s128 = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16], [32], [64]]>

// One barrier in an iteration: what has been waited for becomes visible, and the slot that is filled has been read.
// CHECK-LABEL: @ring(
// CHECK: tile_gpu.async_load
// CHECK-NEXT: tile_gpu.async_commit
// CHECK-NEXT: scf.for
// CHECK-NEXT: tile_gpu.async_wait 0
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile_gpu.async_load
// CHECK-NEXT: tile_gpu.async_commit
// CHECK-NEXT: tile_gpu.ring_load
// CHECK-NEXT: tile.print
// CHECK-NEXT: }
// CHECK-NEXT: tile_gpu.async_wait 0
// CHECK-NEXT: return
func.func @ring(%p: tensor<128x!tile.ptr<f32>, #l128>, %n: i32, %slot: i32) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %ring = tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64} : !tile_gpu.ring<2x128xf32, #s128>
  tile_gpu.async_load %p to %ring[%zero] : tensor<128x!tile.ptr<f32>, #l128> to !tile_gpu.ring<2x128xf32, #s128>
  tile_gpu.async_commit
  scf.for %i = %zero to %n step %one : i32 {
    tile_gpu.async_wait 0
    tile_gpu.async_load %p to %ring[%one] : tensor<128x!tile.ptr<f32>, #l128> to !tile_gpu.ring<2x128xf32, #s128>
    tile_gpu.async_commit
    %x = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<2x128xf32, #s128> -> tensor<128xf32, #m128>
    tile.print "x", %x : tensor<128xf32, #m128>
  }
  tile_gpu.async_wait 0
  return
}

// A barrier before the wait is none for what is waited for; copies under way are no reason for one.
// CHECK-LABEL: @waited(
// CHECK: tile_gpu.async_load
// CHECK-NEXT: tile_gpu.async_commit
// CHECK-NEXT: tile_gpu.ring_load
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile_gpu.async_wait 0
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile_gpu.ring_load
// CHECK: tile_gpu.alloc_ring
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile_gpu.async_load
func.func @waited(%p: tensor<128x!tile.ptr<f32>, #l128>, %slot: i32) {
  %zero = arith.constant 0 : i32
  %ring = tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64} : !tile_gpu.ring<2x128xf32, #s128>
  tile_gpu.async_load %p to %ring[%zero] : tensor<128x!tile.ptr<f32>, #l128> to !tile_gpu.ring<2x128xf32, #s128>
  tile_gpu.async_commit
  %w = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<2x128xf32, #s128> -> tensor<128xf32, #m128>
  tile_gpu.barrier
  tile_gpu.async_wait 0
  %x = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<2x128xf32, #s128> -> tensor<128xf32, #m128>
  tile.print "x", %w, %x : tensor<128xf32, #m128>, tensor<128xf32, #m128>
  // The bytes of the first ring, other threads.
  %other = tile_gpu.alloc_ring {tile_gpu.shared_offset = 512 : i64} : !tile_gpu.ring<2x128xf32, #s128>
  tile_gpu.async_load %p to %other[%zero] : tensor<128x!tile.ptr<f32>, #l128> to !tile_gpu.ring<2x128xf32, #s128>
  return
}

// No thread reads what others have copied.
// CHECK-LABEL: @own(
// CHECK-NOT: tile_gpu.barrier
// CHECK: return
func.func @own(%p: tensor<128x!tile.ptr<f32>, #l128>, %n: i32, %slot: i32) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %ring = tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64} : !tile_gpu.ring<2x128xf32, #s128>
  tile_gpu.async_load %p to %ring[%zero] : tensor<128x!tile.ptr<f32>, #l128> to !tile_gpu.ring<2x128xf32, #s128>
  tile_gpu.async_commit
  scf.for %i = %zero to %n step %one : i32 {
    tile_gpu.async_wait 0
    tile_gpu.async_load %p to %ring[%one] : tensor<128x!tile.ptr<f32>, #l128> to !tile_gpu.ring<2x128xf32, #s128>
    tile_gpu.async_commit
    %x = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<2x128xf32, #s128> -> tensor<128xf32, #l128>
    tile.print "x", %x : tensor<128xf32, #l128>
  }
  return
}

// Slots that are known to be different ones need no barrier, whatever order the accesses have; what an iteration reads
// behind the wait is the slot of the next one.
// CHECK-LABEL: @ahead(
// CHECK: scf.for
// CHECK-NEXT: tile_gpu.async_load
// CHECK-NEXT: tile_gpu.async_commit
// CHECK-NEXT: tile_gpu.ring_load
// CHECK-NEXT: tile.print
// CHECK-NEXT: tile_gpu.async_wait 1
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile_gpu.ring_load
// CHECK-NEXT: tile.print
// CHECK-NEXT: }
func.func @ahead(%p: tensor<128x!tile.ptr<f32>, #l128>, %n: i32, %slot: i32) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %ring = tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64} : !tile_gpu.ring<3x128xf32, #s128>
  scf.for %i = %zero to %n step %one : i32 {
    tile_gpu.async_load %p to %ring[%slot] {tile_gpu.ahead = 2 : i64} : tensor<128x!tile.ptr<f32>, #l128> to !tile_gpu.ring<3x128xf32, #s128>
    tile_gpu.async_commit
    %x = tile_gpu.ring_load %ring[%slot] {tile_gpu.ahead = 0 : i64} : !tile_gpu.ring<3x128xf32, #s128> -> tensor<128xf32, #m128>
    tile.print "x", %x : tensor<128xf32, #m128>
    tile_gpu.async_wait 1
    %y = tile_gpu.ring_load %ring[%slot] {tile_gpu.ahead = 1 : i64} : !tile_gpu.ring<3x128xf32, #s128> -> tensor<128xf32, #m128>
    tile.print "y", %y : tensor<128xf32, #m128>
  }
  return
}

// The slot that is read behind the barrier is the one that the next iteration's copies go to.
// CHECK-LABEL: @late(
// CHECK: scf.for
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile_gpu.async_load
// CHECK-NEXT: tile_gpu.async_commit
// CHECK-NEXT: tile_gpu.async_wait 1
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile_gpu.ring_load
// CHECK-NEXT: tile.print
// CHECK-NEXT: }
func.func @late(%p: tensor<128x!tile.ptr<f32>, #l128>, %n: i32, %slot: i32) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %ring = tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64} : !tile_gpu.ring<3x128xf32, #s128>
  scf.for %i = %zero to %n step %one : i32 {
    tile_gpu.async_load %p to %ring[%slot] {tile_gpu.ahead = 2 : i64} : tensor<128x!tile.ptr<f32>, #l128> to !tile_gpu.ring<3x128xf32, #s128>
    tile_gpu.async_commit
    tile_gpu.async_wait 1
    %x = tile_gpu.ring_load %ring[%slot] {tile_gpu.ahead = 0 : i64} : !tile_gpu.ring<3x128xf32, #s128> -> tensor<128xf32, #m128>
    tile.print "x", %x : tensor<128xf32, #m128>
  }
  return
}

// What is read in front of the loop is the slot of the first iteration, whose copies go to another one; those of the
// second iteration go there.
// CHECK-LABEL: @in_front(
// CHECK: tile_gpu.ring_load
// CHECK-NEXT: tile.print
// CHECK-NEXT: scf.for
// CHECK-NEXT: tile_gpu.async_load
// CHECK-NEXT: tile_gpu.async_commit
// CHECK-NEXT: tile_gpu.async_wait 1
// CHECK-NEXT: tile_gpu.barrier
// CHECK-NEXT: tile_gpu.ring_load
// CHECK-NEXT: tile.print
// CHECK-NEXT: }
func.func @in_front(%p: tensor<128x!tile.ptr<f32>, #l128>, %n: i32, %slot: i32) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %ring = tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64} : !tile_gpu.ring<2x128xf32, #s128>
  %x = tile_gpu.ring_load %ring[%zero] {tile_gpu.ahead = 0 : i64} : !tile_gpu.ring<2x128xf32, #s128> -> tensor<128xf32, #m128>
  tile.print "x", %x : tensor<128xf32, #m128>
  scf.for %i = %zero to %n step %one : i32 {
    tile_gpu.async_load %p to %ring[%slot] {tile_gpu.ahead = 1 : i64} : tensor<128x!tile.ptr<f32>, #l128> to !tile_gpu.ring<2x128xf32, #s128>
    tile_gpu.async_commit
    tile_gpu.async_wait 1
    %y = tile_gpu.ring_load %ring[%slot] {tile_gpu.ahead = 1 : i64} : !tile_gpu.ring<2x128xf32, #s128> -> tensor<128xf32, #m128>
    tile.print "y", %y : tensor<128xf32, #m128>
  }
  return
}

// Without a barrier in the loop, the copies of the second iteration overtake the reads in front.
// CHECK-LABEL: @in_front_alone(
// CHECK: tile_gpu.ring_load
// CHECK-NEXT: tile.print
// CHECK: tile_gpu.barrier
// CHECK: return
func.func @in_front_alone(%p: tensor<128x!tile.ptr<f32>, #l128>, %n: i32, %slot: i32) {
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %ring = tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64} : !tile_gpu.ring<2x128xf32, #s128>
  %x = tile_gpu.ring_load %ring[%zero] {tile_gpu.ahead = 0 : i64} : !tile_gpu.ring<2x128xf32, #s128> -> tensor<128xf32, #m128>
  tile.print "x", %x : tensor<128xf32, #m128>
  scf.for %i = %zero to %n step %one : i32 {
    tile_gpu.async_load %p to %ring[%slot] {tile_gpu.ahead = 1 : i64} : tensor<128x!tile.ptr<f32>, #l128> to !tile_gpu.ring<2x128xf32, #s128>
    tile_gpu.async_commit
  }
  return
}
