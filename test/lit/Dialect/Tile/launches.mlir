// RUN: kiln-opt %s | kiln-opt | FileCheck %s
// RUN: kiln-opt %s -mlir-print-op-generic | kiln-opt | FileCheck %s

// CHECK-LABEL: func.func @overlaps
// CHECK-SAME: attributes {tile.kernel, tile.overlaps}
func.func @overlaps(%c: i1) attributes {tile.kernel, tile.overlaps} {
  // CHECK: tile.wait_for_launches
  tile.wait_for_launches
  scf.if %c {
    // CHECK: tile.launch_dependents
    tile.launch_dependents
  }
  return
}
