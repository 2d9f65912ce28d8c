// RUN: kiln-opt %s | kiln-opt | FileCheck %s
// RUN: kiln-opt %s -mlir-print-op-generic | kiln-opt | FileCheck %s

// CHECK-LABEL: func.func @tiles
func.func @tiles(%p: tensor<64x!tile.ptr<f16>>, %i: tensor<64xi32>, %m: tensor<64xi1>, %o: tensor<64xf16>) {
  // CHECK: %[[P:.*]] = tile.addptr %{{.*}}, %{{.*}} : tensor<64x!tile.ptr<f16>>, tensor<64xi32>
  %q = tile.addptr %p, %i : tensor<64x!tile.ptr<f16>>, tensor<64xi32>
  // CHECK: tile.load %[[P]] : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
  %0 = tile.load %q : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
  // CHECK: tile.load %[[P]] mask %{{.*}} : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
  %1 = tile.load %q mask %m : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
  // CHECK: tile.load %[[P]] mask %{{.*}} other %{{.*}} : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
  %2 = tile.load %q mask %m other %o : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
  // CHECK: tile.load %[[P]] evict_first : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
  %3 = tile.load %q evict_first : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
  // CHECK: tile.load %[[P]] mask %{{.*}} other %{{.*}} evict_first {some} : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
  %4 = tile.load %q mask %m other %o evict_first {some} : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
  // CHECK: tile.store %[[P]], %{{.*}} : tensor<64x!tile.ptr<f16>>
  tile.store %q, %0 : tensor<64x!tile.ptr<f16>>
  // CHECK: tile.store %[[P]], %{{.*}} mask %{{.*}} : tensor<64x!tile.ptr<f16>>
  tile.store %q, %1 mask %m : tensor<64x!tile.ptr<f16>>
  return
}

// CHECK-LABEL: func.func @scalars
func.func @scalars(%p: !tile.ptr<i1>, %i: i64, %m: i1) {
  // CHECK: tile.addptr %{{.*}}, %{{.*}} : !tile.ptr<i1>, i64
  %q = tile.addptr %p, %i : !tile.ptr<i1>, i64
  // CHECK: tile.load %{{.*}} mask %{{.*}} other %{{.*}} : !tile.ptr<i1> -> i1
  %0 = tile.load %q mask %m other %m : !tile.ptr<i1> -> i1
  // CHECK: tile.store %{{.*}}, %{{.*}} mask %{{.*}} : !tile.ptr<i1>
  tile.store %q, %0 mask %m : !tile.ptr<i1>
  return
}

// CHECK-LABEL: func.func @atomics
func.func @atomics(%p: tensor<64x!tile.ptr<i32>>, %v: tensor<64xi32>, %m: tensor<64xi1>, %q: !tile.ptr<f32>, %x: f32) {
  // CHECK: tile.atomic_rmw add acq_rel device %{{.*}}, %{{.*}} mask %{{.*}} : tensor<64x!tile.ptr<i32>> -> tensor<64xi32>
  %0 = tile.atomic_rmw add acq_rel device %p, %v mask %m : tensor<64x!tile.ptr<i32>> -> tensor<64xi32>
  // CHECK: tile.atomic_rmw xor relaxed program %{{.*}}, %{{.*}} : tensor<64x!tile.ptr<i32>> -> tensor<64xi32>
  %1 = tile.atomic_rmw xor relaxed program %p, %v : tensor<64x!tile.ptr<i32>> -> tensor<64xi32>
  // CHECK: tile.atomic_rmw fadd release system %{{.*}}, %{{.*}} : !tile.ptr<f32> -> f32
  %2 = tile.atomic_rmw fadd release system %q, %x : !tile.ptr<f32> -> f32
  // CHECK: tile.atomic_rmw xchg acquire device %{{.*}}, %{{.*}} : !tile.ptr<f32> -> f32
  %3 = tile.atomic_rmw xchg acquire device %q, %x : !tile.ptr<f32> -> f32
  // CHECK: tile.atomic_cas acq_rel device %{{.*}}, %{{.*}}, %{{.*}} : tensor<64x!tile.ptr<i32>> -> tensor<64xi32>
  %4 = tile.atomic_cas acq_rel device %p, %v, %0 : tensor<64x!tile.ptr<i32>> -> tensor<64xi32>
  return
}
