// What may be merged, removed and hoisted.
// RUN: kiln-opt %s -cse -split-input-file | FileCheck %s --check-prefix=CSE
// RUN: kiln-opt %s -loop-invariant-code-motion -split-input-file | FileCheck %s --check-prefix=LICM

// Read-only memory holds one value: a store to other memory is between equal loads, and they are one. Writable memory is read again.
// CSE-LABEL: func.func @merge
// CSE-SAME: (%[[P:.*]]: !tile.ptr<f32> {tile.readonly}, %[[Q:.*]]: !tile.ptr<f32>, %{{.*}}: i32)
// CSE: %[[X:.*]] = tile.load %[[P2:.*]] : !tile.ptr<f32>
// CSE: %[[A:.*]] = tile.load %[[Q]]
// CSE: tile.store %[[Q]], %[[X]]
// CSE-NOT: tile.load %[[P2]]
// CSE: %[[B:.*]] = tile.load %[[Q]]
// CSE: arith.addf %[[X]], %[[X]]
// CSE: arith.addf %[[A]], %[[B]]
func.func @merge(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>, %i: i32) attributes {tile.kernel} {
  %p2 = tile.addptr %p, %i : !tile.ptr<f32>, i32
  %x = tile.load %p2 : !tile.ptr<f32> -> f32
  %a = tile.load %q : !tile.ptr<f32> -> f32
  tile.store %q, %x : !tile.ptr<f32>
  %y = tile.load %p2 : !tile.ptr<f32> -> f32
  %b = tile.load %q : !tile.ptr<f32> -> f32
  %s = arith.addf %x, %y : f32
  %t = arith.addf %a, %b : f32
  %u = arith.addf %s, %t : f32
  tile.store %q, %u : !tile.ptr<f32>
  return
}

// -----

// Loads without uses go, atomics and checks do not; two prints are two lines.
// CSE-LABEL: func.func @remove
// CSE-NOT: tile.load
// CSE: tile.atomic_rmw
// CSE: tile.atomic_cas
// CSE: tile.assert
// CSE-COUNT-2: tile.print
func.func @remove(%p: !tile.ptr<i32>, %v: i32, %c: i1) attributes {tile.kernel} {
  %0 = tile.load %p : !tile.ptr<i32> -> i32
  %1 = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i32
  %2 = tile.atomic_cas relaxed device %p, %v, %v : !tile.ptr<i32> -> i32
  tile.assert %c, "c" : i1
  tile.print "v = ", %v : i32
  tile.print "v = ", %v : i32
  return
}

// -----

func.func private @f(f32) -> f32

// CSE-LABEL: func.func @calls
// CSE: %[[A:.*]] = tile.extern_call @f(%{{.*}}) pure
// CSE: %[[B:.*]] = tile.extern_call @f(%{{.*}}) :
// CSE: %[[C:.*]] = tile.extern_call @f(%{{.*}}) :
// CSE: return %[[A]], %[[A]], %[[B]], %[[C]]
func.func @calls(%x: f32) -> (f32, f32, f32, f32) {
  %0 = tile.extern_call @f(%x) pure : (f32) -> f32
  %1 = tile.extern_call @f(%x) pure : (f32) -> f32
  %2 = tile.extern_call @f(%x) : (f32) -> f32
  %3 = tile.extern_call @f(%x) : (f32) -> f32
  return %0, %1, %2, %3 : f32, f32, f32, f32
}

// -----

// Equal reductions are one.
// CSE-LABEL: func.func @reductions
// CSE: %[[A:.*]] = tile.reduce
// CSE-NOT: tile.reduce
// CSE: return %[[A]], %[[A]]
func.func @reductions(%x: tensor<8xf32>) -> (f32, f32) {
  %0 = tile.reduce %x axis 0 : (tensor<8xf32>) -> f32 {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    tile.yield %s : f32
  }
  %1 = tile.reduce %x axis 0 : (tensor<8xf32>) -> f32 {
  ^bb0(%a: f32, %b: f32):
    %s = arith.addf %a, %b : f32
    tile.yield %s : f32
  }
  return %0, %1 : f32, f32
}

// -----

// A loop that is known to run: a load of read-only memory moves in front of it, also where the loop carries the pointer through unchanged; a
// load of writable memory stays.
// LICM-LABEL: func.func @hoist
// LICM: tile.load %{{.*}} : !tile.ptr<f32>
// LICM: tile.splat
// LICM: scf.for
// LICM-NOT: tile.splat
// LICM: tile.load %{{.*}} : !tile.ptr<f32>
// LICM: tile.store
func.func @hoist(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c8 = arith.constant 8 : i32
  scf.for %i = %c0 to %c8 step %c1 : i32 {
    %x = tile.load %p : !tile.ptr<f32> -> f32
    %s = tile.splat %x : f32 -> tensor<8xf32>
    %y = tile.load %q : !tile.ptr<f32> -> f32
    %z = arith.addf %x, %y : f32
    tile.store %q, %z : !tile.ptr<f32>
  }
  return
}

// -----

// The loop may not run, and then the address need not be valid. Nor may what a condition guards move.
// LICM-LABEL: func.func @guarded
// LICM: scf.for
// LICM-NEXT: tile.load
// LICM: scf.for
// LICM-NEXT: scf.if
// LICM-NEXT: tile.load
func.func @guarded(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>, %n: i32, %c: i1) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c8 = arith.constant 8 : i32
  scf.for %i = %c0 to %n step %c1 : i32 {
    %x = tile.load %p : !tile.ptr<f32> -> f32
    tile.store %q, %x : !tile.ptr<f32>
  }
  scf.for %i = %c0 to %c8 step %c1 : i32 {
    scf.if %c {
      %x = tile.load %p : !tile.ptr<f32> -> f32
      tile.store %q, %x : !tile.ptr<f32>
    }
  }
  return
}

// -----

// The origin of a pointer is found through loops, branches and shapes; one that may also be writable memory is not read-only.
// CSE-LABEL: func.func @origins
// CSE: scf.for
// CSE: %[[X:.*]] = tile.load
// CSE: tile.store
// CSE-NOT: tile.load
// CSE: arith.addf %[[X]], %[[X]]
// CSE: scf.yield
// CSE: tile.load
// CSE: tile.store
// CSE: tile.load
func.func @origins(%p: !tile.ptr<f32> {tile.readonly}, %r: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>, %n: i32, %c: i1)
    attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %pr = arith.select %c, %p, %r : !tile.ptr<f32>
  %ps = tile.splat %pr : !tile.ptr<f32> -> tensor<8x!tile.ptr<f32>>
  %qs = tile.splat %q : !tile.ptr<f32> -> tensor<8x!tile.ptr<f32>>
  %step = arith.constant dense<8> : tensor<8xi32>
  %last = scf.for %i = %c0 to %n step %c1 iter_args(%a = %ps) -> tensor<8x!tile.ptr<f32>> : i32 {
    %x = tile.load %a : tensor<8x!tile.ptr<f32>> -> tensor<8xf32>
    tile.store %qs, %x : tensor<8x!tile.ptr<f32>>
    %y = tile.load %a : tensor<8x!tile.ptr<f32>> -> tensor<8xf32>
    %s = arith.addf %x, %y : tensor<8xf32>
    tile.store %qs, %s : tensor<8x!tile.ptr<f32>>
    %next = tile.addptr %a, %step : tensor<8x!tile.ptr<f32>>, tensor<8xi32>
    scf.yield %next : tensor<8x!tile.ptr<f32>>
  }
  %either = arith.select %c, %last, %qs : tensor<8x!tile.ptr<f32>>
  %x = tile.load %either : tensor<8x!tile.ptr<f32>> -> tensor<8xf32>
  tile.store %qs, %x : tensor<8x!tile.ptr<f32>>
  %y = tile.load %either : tensor<8x!tile.ptr<f32>> -> tensor<8xf32>
  tile.store %qs, %y : tensor<8x!tile.ptr<f32>>
  return
}

// -----

// What another launch may still write is loaded again behind the wait, and stays in its loop; nothing moves across.
// CSE-LABEL: func.func @overlaps
// CSE: tile.load
// CSE: tile.wait_for_launches
// CSE-NEXT: tile.load
// CSE-NEXT: tile.launch_dependents
// LICM-LABEL: func.func @overlaps
// LICM: tile.wait_for_launches
// LICM: scf.for
// LICM-NEXT: tile.load
func.func @overlaps(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>) attributes {tile.kernel, tile.overlaps} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  %a = tile.load %p : !tile.ptr<f32> -> f32
  tile.wait_for_launches
  %b = tile.load %p : !tile.ptr<f32> -> f32
  tile.launch_dependents
  %c = arith.addf %a, %b : f32
  tile.store %q, %c : !tile.ptr<f32>
  scf.for %i = %c0 to %c4 step %c1 : i32 {
    %x = tile.load %p : !tile.ptr<f32> -> f32
    tile.store %q, %x : !tile.ptr<f32>
  }
  return
}
