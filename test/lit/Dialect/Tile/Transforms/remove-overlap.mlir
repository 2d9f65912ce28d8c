// Where launches follow one another nothing is left to wait for.
// RUN: kiln-opt %s --tile-remove-overlap | FileCheck %s

// CHECK-LABEL: func.func @k
// CHECK-SAME: (%{{.*}}: !tile.ptr<f32> {tile.readonly}, %{{.*}}: i1) attributes {tile.kernel} {
// CHECK-NEXT: tile.load
// CHECK-NEXT: scf.if
// CHECK-NEXT: tile.print
// CHECK-NEXT: }
// CHECK-NEXT: return
func.func @k(%p: !tile.ptr<f32> {tile.readonly}, %c: i1) attributes {tile.kernel, tile.overlaps} {
  tile.wait_for_launches
  %x = tile.load %p : !tile.ptr<f32> -> f32
  scf.if %c {
    tile.launch_dependents
    tile.print "x", %x : f32
  }
  return
}
