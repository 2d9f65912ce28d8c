// A tile program as the code of one thread for the host: nothing of the GPU is left but calls.
// RUN: kiln-opt %s --tile-to-emulator=capability=90 | FileCheck %s

// CHECK: llvm.func @kiln_emulator_execute(!llvm.ptr, i32,
// CHECK-LABEL: llvm.func @k(
// CHECK-SAME: %[[THREAD:.*]]: !llvm.ptr, %[[ARGS:.*]]: !llvm.ptr)
// CHECK-SAME: {operation = "tid.x"
// CHECK-SAME: {operation = "ld.global.
// CHECK-SAME: {operation = "st.global.
// CHECK-NOT: tile_gpu.machine
// CHECK-NOT: bf16
// CHECK: llvm.call @kiln_emulator_execute(%[[THREAD]],
// CHECK: llvm.fmul %{{.*}} : f32
// CHECK-NOT: bf16
func.func @k(%p: !tile.ptr<bf16>, %s: bf16) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 128 : tensor<128xi32>
  %b = tile.splat %p : !tile.ptr<bf16> -> tensor<128x!tile.ptr<bf16>>
  %a = tile.addptr %b, %i : tensor<128x!tile.ptr<bf16>>, tensor<128xi32>
  %x = tile.load %a : tensor<128x!tile.ptr<bf16>> -> tensor<128xbf16>
  %f = tile.splat %s : bf16 -> tensor<128xbf16>
  %y = arith.mulf %x, %f : tensor<128xbf16>
  tile.store %a, %y : tensor<128x!tile.ptr<bf16>>
  return
}
