// Every thread waits, so no barrier is needed, and loads are no loads of constant memory. Stores to other memory still need no barrier.
// RUN: kiln-opt %s --tile-to-gpu-layouts=capability=90 --tile-gpu-lower-to-threads=capability=90 | FileCheck %s
// RUN: kiln-opt %s --tile-to-gpu=capability=90 | FileCheck %s --check-prefix=LLVM
// RUN: kiln-opt %s --tile-to-gpu-layouts=capability=80 --tile-to-gpu-threads=capability=80 | FileCheck %s --check-prefix=OLDER
// RUN: kiln-opt %s --tile-to-cpu | FileCheck %s --check-prefix=CPU

// CHECK-LABEL: func.func @k(
// CHECK-NOT: tile.overlaps
// CHECK-NOT: ld.global
// CHECK: tile_gpu.machine "griddepcontrol.wait"() : () -> ()
// CHECK-NEXT: tile_gpu.machine "griddepcontrol.launch_dependents"() : () -> ()
// CHECK-NOT: ld.global.nc
// CHECK-NOT: bar.sync
// CHECK: tile_gpu.machine "ld.global.b32"
// CHECK: tile_gpu.machine "st.global.b32"
// CHECK-NOT: bar.sync
// CHECK: tile_gpu.machine "ld.global.b32"

// LLVM: llvm.inline_asm has_side_effects "griddepcontrol.wait;", "~{memory}"
// LLVM-NEXT: llvm.inline_asm has_side_effects "griddepcontrol.launch_dependents;", "~{memory}"

// OLDER-LABEL: func.func @k(
// OLDER-NOT: griddepcontrol
// OLDER: ld.global.nc.b32

// CPU-LABEL: llvm.func @k(
// CPU-NOT: tile.
func.func @k(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>)
    attributes {tile.kernel, tile.overlaps, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 32 : tensor<32xi32>
  %j = tile.arange 32 to 64 : tensor<32xi32>
  %ps = tile.splat %p : !tile.ptr<f32> -> tensor<32x!tile.ptr<f32>>
  %qs = tile.splat %q : !tile.ptr<f32> -> tensor<32x!tile.ptr<f32>>
  %from = tile.addptr %ps, %i : tensor<32x!tile.ptr<f32>>, tensor<32xi32>
  %other = tile.addptr %ps, %j : tensor<32x!tile.ptr<f32>>, tensor<32xi32>
  %to = tile.addptr %qs, %i : tensor<32x!tile.ptr<f32>>, tensor<32xi32>
  %next = tile.addptr %qs, %j : tensor<32x!tile.ptr<f32>>, tensor<32xi32>
  tile.wait_for_launches
  tile.launch_dependents
  %x = tile.load %from : tensor<32x!tile.ptr<f32>> -> tensor<32xf32>
  tile.store %to, %x : tensor<32x!tile.ptr<f32>>
  %y = tile.load %other : tensor<32x!tile.ptr<f32>> -> tensor<32xf32>
  tile.store %next, %y : tensor<32x!tile.ptr<f32>>
  return
}
