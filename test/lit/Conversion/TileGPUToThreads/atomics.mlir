// RUN: kiln-opt %s --tile-gpu-allocate-shared --tile-gpu-lower-to-threads --canonicalize --cse --split-input-file | FileCheck %s --check-prefixes=CHECK,OLD
// RUN: kiln-opt %s --tile-gpu-allocate-shared --tile-gpu-lower-to-threads=capability=90 --canonicalize --cse --split-input-file | FileCheck %s --check-prefixes=CHECK,NEW

// One thread does it and tells the others the old value.
// CHECK-LABEL: func.func @scalar(
// CHECK-SAME: %[[P:[a-z0-9]+]]: i64, %[[V:[a-z0-9]+]]: i32
// CHECK-DAG: %[[BASE:.*]] = tile_gpu.machine "shared.base"
// CHECK-DAG: %[[TID:.*]] = tile_gpu.machine "tid.x"
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %[[TID]], %{{.*}} : i32
// CHECK: %[[OLD:.*]] = tile_gpu.machine "atom.relaxed.gpu.global.add.u32.pred"(%[[P]], %[[FIRST]], %[[V]])
// CHECK: tile_gpu.machine "st.shared.b32.pred"(%[[BASE]], %[[FIRST]], %[[OLD]])
// CHECK: tile_gpu.machine "bar.sync"
// CHECK: %[[ALL:.*]] = tile_gpu.machine "ld.shared.b32"(%[[BASE]])
// CHECK: tile_gpu.machine "st.global.b32.pred"(%[[P]], %[[FIRST]], %[[ALL]])
func.func @scalar(%p: !tile.ptr<i32>, %v: i32) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %old = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i32
  tile.store %p, %old : !tile.ptr<i32>
  return
}

// -----

// What all threads did before a release comes before it, what they do after an acquire comes after it.
// CHECK-LABEL: func.func @orders(
// CHECK: tile_gpu.machine "bar.sync"
// CHECK-NEXT: arith.cmpi
// CHECK-NEXT: tile_gpu.machine "red.release.sys.global.max.s64.pred"
// CHECK-NEXT: tile_gpu.machine "atom.acquire.cta.global.and.b32.pred"
// CHECK-NEXT: tile_gpu.machine "bar.sync"
// CHECK-NEXT: tile_gpu.machine "bar.sync"
// CHECK-NEXT: %[[OLD:.*]] = tile_gpu.machine "atom.acq_rel.gpu.global.cas.b32.pred"
// CHECK-NEXT: tile_gpu.machine "st.shared.b32.pred"
// CHECK-NEXT: tile_gpu.machine "bar.sync"
// CHECK-NEXT: tile_gpu.machine "ld.shared.b32"
// CHECK-NEXT: tile_gpu.machine "st.global.b32.pred"
// CHECK-NEXT: return
func.func @orders(%p: !tile.ptr<i32>, %q: !tile.ptr<i64>, %v: i32, %w: i64) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %a = tile.atomic_rmw max release system %q, %w : !tile.ptr<i64> -> i64
  %b = tile.atomic_rmw and acquire program %p, %v : !tile.ptr<i32> -> i32
  %c = tile.atomic_cas acq_rel device %p, %v, %v : !tile.ptr<i32> -> i32
  tile.store %p, %c : !tile.ptr<i32>
  return
}

// -----

// The rows of all kinds and types.
// CHECK-LABEL: func.func @kinds(
// CHECK: "red.relaxed.gpu.global.add.u32.pred"
// CHECK: "red.relaxed.gpu.global.add.u64.pred"
// CHECK: "red.relaxed.gpu.global.add.f32.pred"
// CHECK: "red.relaxed.gpu.global.add.f64.pred"
// CHECK: "red.relaxed.gpu.global.add.noftz.f16.pred"
// CHECK: "red.relaxed.gpu.global.min.s32.pred"
// CHECK: "red.relaxed.gpu.global.or.b64.pred"
// CHECK: "red.relaxed.gpu.global.xor.b32.pred"
// CHECK: %[[BITS:.*]] = arith.bitcast %{{.*}} : f32 to i32
// CHECK: "atom.relaxed.gpu.global.exch.b32.pred"(%{{.*}}, %{{.*}}, %[[BITS]])
// CHECK: "atom.relaxed.gpu.global.exch.b64.pred"
// CHECK: "atom.relaxed.gpu.global.cas.b64.pred"
func.func @kinds(%i32p: !tile.ptr<i32>, %i64p: !tile.ptr<i64>, %f16p: !tile.ptr<f16>, %f32p: !tile.ptr<f32>, %f64p: !tile.ptr<f64>,
                 %i: i32, %l: i64, %h: f16, %f: f32, %d: f64) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %0 = tile.atomic_rmw add relaxed device %i32p, %i : !tile.ptr<i32> -> i32
  %1 = tile.atomic_rmw add relaxed device %i64p, %l : !tile.ptr<i64> -> i64
  %2 = tile.atomic_rmw fadd relaxed device %f32p, %f : !tile.ptr<f32> -> f32
  %3 = tile.atomic_rmw fadd relaxed device %f64p, %d : !tile.ptr<f64> -> f64
  %4 = tile.atomic_rmw fadd relaxed device %f16p, %h : !tile.ptr<f16> -> f16
  %5 = tile.atomic_rmw min relaxed device %i32p, %i : !tile.ptr<i32> -> i32
  %6 = tile.atomic_rmw or relaxed device %i64p, %l : !tile.ptr<i64> -> i64
  %7 = tile.atomic_rmw xor relaxed device %i32p, %i : !tile.ptr<i32> -> i32
  %8 = tile.atomic_rmw xchg relaxed device %f32p, %f : !tile.ptr<f32> -> f32
  %9 = tile.atomic_rmw xchg relaxed device %f64p, %d : !tile.ptr<f64> -> f64
  %10 = tile.atomic_cas relaxed device %i64p, %l, %l : !tile.ptr<i64> -> i64
  return
}

// -----

// bf16 is added by the hardware from sm_90 on; before, in a loop, which lanes that are off leave at once.
// CHECK-LABEL: func.func @bf16(
// CHECK-SAME: %[[P:[a-z0-9]+]]: i64, %[[V:[a-z0-9]+]]: bf16, %[[M:[a-z0-9]+]]: i1
// CHECK: %[[ON:.*]] = arith.andi
// NEW: "red.relaxed.gpu.global.add.noftz.bf16.pred"(%[[P]], %[[ON]], %[[V]])
// OLD: scf.while (%[[EXPECTED:.*]] = %c0_i16)
// OLD: %[[OLD:.*]] = arith.bitcast %[[EXPECTED]] : i16 to bf16
// OLD: %[[SUM:.*]] = arith.addf %[[OLD]], %[[V]] : bf16
// OLD: %[[BITS:.*]] = arith.bitcast %[[SUM]] : bf16 to i16
// OLD: %[[FOUND:.*]] = tile_gpu.machine "atom.relaxed.gpu.global.cas.b16.pred"(%[[P]], %[[ON]], %[[EXPECTED]], %[[BITS]])
// OLD: %[[DIFFERS:.*]] = arith.cmpi ne, %[[FOUND]], %[[EXPECTED]]
// OLD: %[[AGAIN:.*]] = arith.andi %[[ON]], %[[DIFFERS]]
// OLD: scf.condition(%[[AGAIN]]) %[[FOUND]]
func.func @bf16(%p: !tile.ptr<bf16>, %v: bf16, %m: i1) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %old = tile.atomic_rmw fadd relaxed device %p, %v mask %m : !tile.ptr<bf16> -> bf16
  return
}

// -----

#full = #tile_gpu.layout<register = [[64]], lane = [[1], [2], [4], [8], [16]], warp = [[32]]>

// Every thread does its own elements between two fences; no old value has to travel.
// CHECK-LABEL: func.func @tile(
// CHECK: bits = 32 : i32, count = 2 : i32, kind = "atomic", limit = "single"
// CHECK-SAME: predicated = true
// CHECK-SAME: type = "128xi32"
// CHECK-SAME: tile_gpu.shared_bytes = 0
// CHECK: tile_gpu.machine "bar.sync"
// CHECK-NEXT: tile_gpu.machine "fence.acq_rel.gpu"
// CHECK-NEXT: %[[A:.*]] = tile_gpu.machine "atom.relaxed.gpu.global.add.u32.pred"(%{{.*}}, %[[M0:.*]], %
// CHECK-NEXT: %[[B:.*]] = tile_gpu.machine "atom.relaxed.gpu.global.add.u32.pred"(%{{.*}}, %[[M1:.*]], %
// CHECK-NEXT: tile_gpu.machine "fence.acq_rel.gpu"
// CHECK-NEXT: tile_gpu.machine "bar.sync"
// CHECK-NEXT: tile_gpu.machine "st.global.b32"(%{{.*}}, %[[A]])
// CHECK-NEXT: tile_gpu.machine "st.global.b32"(%{{.*}}, %[[B]])
func.func @tile(%x: !tile.ptr<i32>, %n: i32) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %i = tile.arange 0 to 128 : tensor<128xi32, #full>
  %ns = tile.splat %n : i32 -> tensor<128xi32, #full>
  %m = arith.cmpi slt, %i, %ns : tensor<128xi32, #full>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<128x!tile.ptr<i32>, #full>
  %p = tile.addptr %xs, %i : tensor<128x!tile.ptr<i32>, #full>, tensor<128xi32, #full>
  %old = tile.atomic_rmw add acq_rel device %p, %i mask %m : tensor<128x!tile.ptr<i32>, #full> -> tensor<128xi32, #full>
  tile.store %p, %old : tensor<128x!tile.ptr<i32>, #full>
  return
}

// -----

#copies = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [0], [0]], warp = [[0]]>

// Only owners act. What they find is laid out in row-major order for the lanes that hold copies.
// CHECK-LABEL: func.func @copies(
// CHECK-SAME: tile_gpu.shared_bytes = 64
// CHECK-DAG: %[[BASE:.*]] = tile_gpu.machine "shared.base"
// CHECK-DAG: %[[TID:.*]] = tile_gpu.machine "tid.x"
// CHECK: %[[OWNER:.*]] = arith.cmpi eq
// CHECK: %[[A:.*]] = tile_gpu.machine "atom.relaxed.gpu.global.cas.b32.pred"(%{{.*}}, %[[OWNER]],
// CHECK: %[[B:.*]] = tile_gpu.machine "atom.relaxed.gpu.global.cas.b32.pred"(%{{.*}}, %[[OWNER]],
// CHECK: %[[OFFSET:.*]] = arith.muli %{{.*}}, %{{.*}} : i32
// CHECK: %[[AT:.*]] = arith.addi %[[BASE]], %[[OFFSET]] : i32
// CHECK: tile_gpu.machine "st.shared.b32.pred"(%[[AT]], %[[OWNER]], %[[A]])
// CHECK: tile_gpu.machine "st.shared.b32.pred"(%[[NEXT:.*]], %[[OWNER]], %[[B]])
// CHECK: tile_gpu.machine "bar.sync"
// CHECK: %[[C:.*]] = tile_gpu.machine "ld.shared.b32"(%[[AT]])
// CHECK: %[[D:.*]] = tile_gpu.machine "ld.shared.b32"(%[[NEXT]])
// CHECK: arith.addi %[[C]], %
// CHECK: arith.addi %[[D]], %
func.func @copies(%x: !tile.ptr<i32>, %n: i32) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %i = tile.arange 0 to 16 : tensor<16xi32, #copies>
  %ns = tile.splat %n : i32 -> tensor<16xi32, #copies>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<16x!tile.ptr<i32>, #copies>
  %p = tile.addptr %xs, %i : tensor<16x!tile.ptr<i32>, #copies>, tensor<16xi32, #copies>
  %old = tile.atomic_cas relaxed device %p, %i, %ns : tensor<16x!tile.ptr<i32>, #copies> -> tensor<16xi32, #copies>
  %new = arith.addi %old, %ns : tensor<16xi32, #copies>
  tile.store %p, %new : tensor<16x!tile.ptr<i32>, #copies>
  return
}
