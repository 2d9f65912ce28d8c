// What a thread calls of a device function passes words on. A pure function is called for what a thread holds, one with effects by the
// owner of each element, and the others read what it returned.
// RUN: kiln-opt %s --tile-gpu-assign-layouts --tile-gpu-allocate-shared --tile-gpu-lower-to-threads --canonicalize --cse --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @pure(
// CHECK: %[[BITS:.*]] = arith.bitcast %{{.*}} : f16 to i16
// CHECK: %[[WORD:.*]] = arith.extui %[[BITS]] : i16 to i32
// CHECK: %[[RESULTS:.*]]:3 = call @kiln_device_split(%[[WORD]]) : (i32) -> (f32, i32, i64)
// CHECK: arith.trunci %[[RESULTS]]#1 : i32 to i1
// CHECK-NOT: call
// CHECK: return
// CHECK: func.func private @kiln_device_split(i32) -> (f32, i32, i64) attributes {llvm.readnone}
// CHECK-NOT: @split
func.func @pure(%p: !tile.ptr<f32>, %x: f16) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %t = tile.splat %x : f16 -> tensor<64xf16>
  %f, %n, %i = tile.extern_call @split(%t) pure : (tensor<64xf16>) -> (tensor<64xf32>, tensor<64xi1>, tensor<64xi64>)
  %ps = tile.splat %p : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>>
  %to = tile.addptr %ps, %i : tensor<64x!tile.ptr<f32>>, tensor<64xi64>
  tile.store %to, %f mask %n : tensor<64x!tile.ptr<f32>>
  return
}
func.func private @split(f16) -> (f32, i1, i64)

// -----

// 8 elements in 32 lanes.
// CHECK-LABEL: func.func @effects(
// CHECK: %[[OWNER:.*]] = arith.cmpi eq
// CHECK: %[[MINE:.*]] = scf.if %[[OWNER]] -> (i32) {
// CHECK:   %[[R:.*]] = func.call @kiln_device_note(%{{.*}}) : (i32) -> i32
// CHECK:   scf.yield %[[R]]
// CHECK: tile_gpu.machine "st.shared.b32.pred"(%[[AT:.*]], %[[OWNER]], %[[MINE]])
// CHECK: tile_gpu.machine "bar.sync"
// CHECK: tile_gpu.machine "ld.shared.b32"(%[[AT]])
func.func @effects(%p: !tile.ptr<i32>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 8 : tensor<8xi32>
  %r = tile.extern_call @note(%i) : (tensor<8xi32>) -> tensor<8xi32>
  %ps = tile.splat %p : !tile.ptr<i32> -> tensor<8x!tile.ptr<i32>>
  %to = tile.addptr %ps, %i : tensor<8x!tile.ptr<i32>>, tensor<8xi32>
  tile.store %to, %r : tensor<8x!tile.ptr<i32>>
  return
}
func.func private @note(i32) -> i32

// -----

// Nobody asks for the result: the first thread calls, and nothing is exchanged.
// CHECK-LABEL: func.func @scalar(
// CHECK: %[[FIRST:.*]] = arith.cmpi eq
// CHECK: scf.if %[[FIRST]] {
// CHECK:   func.call @kiln_device_note(
// CHECK-NOT: st.shared
// CHECK: return
func.func @scalar(%x: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %r = tile.extern_call @note(%x) : (i32) -> i32
  return
}
func.func private @note(i32) -> i32
