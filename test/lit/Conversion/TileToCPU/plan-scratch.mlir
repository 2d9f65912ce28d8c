// RUN: kiln-opt %s --tile-plan-scratch | FileCheck %s

// The large buffer is dead when the last two appear and gives them its place; the first lives through the loop that reads it.
// CHECK-LABEL: func.func @kernel
// CHECK-SAME:    %[[SCRATCH:[a-z0-9]+]]: memref<1088xi8>) attributes {kiln.scratch_bytes = 1088 : i64}
// CHECK-DAG:     %[[A:.*]] = memref.view %[[SCRATCH]][%c0{{.*}}][] : memref<1088xi8> to memref<16xf32>
// CHECK-DAG:     %[[B:.*]] = memref.view %[[SCRATCH]][%c64{{.*}}][] : memref<1088xi8> to memref<256xf32>
// CHECK-DAG:     %[[C:.*]] = memref.view %[[SCRATCH]][%c128{{.*}}][] : memref<1088xi8> to memref<128xf32>
// CHECK-DAG:     %[[D:.*]] = memref.view %[[SCRATCH]][%c64{{.*}}][] : memref<1088xi8> to memref<3xi8>
// CHECK-NOT:     memref.alloc
func.func @kernel(%n32: i32) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.index_cast %n32 : i32 to index
  %zero = arith.constant 0.0 : f32
  %byte = arith.constant 1 : i8
  %a = memref.alloc() : memref<16xf32>
  scf.for %i = %c0 to %n step %c1 {
    %v = memref.load %a[%i] : memref<16xf32>
    %b = memref.alloc() : memref<256xf32>
    memref.store %v, %b[%c0] : memref<256xf32>
    %w = memref.load %b[%i] : memref<256xf32>
    %d = memref.alloc() : memref<3xi8>
    %c = memref.alloc() : memref<128xf32>
    memref.store %w, %c[%c0] : memref<128xf32>
    memref.store %byte, %d[%c0] : memref<3xi8>
  }
  scf.for %i = %c0 to %n step %c1 {
    memref.store %zero, %a[%i] : memref<16xf32>
  }
  return
}

// Both buffers of a select live until its last use: the third gets a place of its own.
// CHECK-LABEL: func.func @selected
// CHECK-SAME:    kiln.scratch_bytes = 192 : i64
func.func @selected(%c: i1) attributes {tile.kernel} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %a = memref.alloc() : memref<16xf32>
  %b = memref.alloc() : memref<16xf32>
  memref.store %zero, %a[%c0] : memref<16xf32>
  memref.store %zero, %b[%c0] : memref<16xf32>
  %s = arith.select %c, %a, %b : memref<16xf32>
  %d = memref.alloc() : memref<16xf32>
  memref.store %zero, %d[%c0] : memref<16xf32>
  %v = memref.load %s[%c0] : memref<16xf32>
  memref.store %v, %d[%c0] : memref<16xf32>
  return
}
