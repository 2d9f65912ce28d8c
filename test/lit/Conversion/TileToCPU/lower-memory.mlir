// RUN: kiln-opt %s --split-input-file --tile-split-pointers --tile-lower-memory=vector-bits=64 --canonicalize --cse | FileCheck %s

// A mask that is one condition for a whole row guards vector accesses; offsets are evaluated for the row, no tile of them exists.
// CHECK-LABEL: func.func @rows
// CHECK-SAME:    %[[X:.*]]: !tile.ptr<f16>, %[[ROWS:.*]]: tensor<4xi64>, %[[N:.*]]: i64
// CHECK-NOT:     tensor<4x64xi64>
func.func @rows(%x: !tile.ptr<f16>, %rows: tensor<4xi64>, %n: i64) -> tensor<4x64xf16> {
  %r = tile.expand_dims %rows axis 1 : tensor<4xi64> -> tensor<4x1xi64>
  %rb = tile.broadcast %r : tensor<4x1xi64> -> tensor<4x64xi64>
  %i = tile.arange 0 to 64 : tensor<64xi64>
  %c = tile.expand_dims %i axis 0 : tensor<64xi64> -> tensor<1x64xi64>
  %cb = tile.broadcast %c : tensor<1x64xi64> -> tensor<4x64xi64>
  %o = arith.addi %rb, %cb : tensor<4x64xi64>
  %s = tile.splat %x : !tile.ptr<f16> -> tensor<4x64x!tile.ptr<f16>>
  %p = tile.addptr %s, %o : tensor<4x64x!tile.ptr<f16>>, tensor<4x64xi64>
  %ns = tile.splat %n : i64 -> tensor<4x64xi64>
  %m = arith.cmpi slt, %rb, %ns : tensor<4x64xi64>
  // CHECK: %[[BUFFER:.*]] = memref.alloc() : memref<4x64xf16>
  // CHECK: scf.for %[[ROW:.*]] =
  // CHECK:   %[[START:.*]] = tensor.extract %[[ROWS]][%[[ROW]]]
  // CHECK:   %[[ON:.*]] = arith.cmpi slt, %[[START]], %[[N]] : i64
  // CHECK:   scf.if %[[ON]] {
  // CHECK:     scf.for %[[COL:.*]] =
  // CHECK:       %[[V:.*]] = llvm.load %{{.*}} {alignment = 2 : i64} : !llvm.ptr -> vector<32xf16>
  // CHECK:       vector.store %[[V]], %[[BUFFER]][%[[ROW]], %[[COL]]]
  // CHECK:   } else {
  // CHECK:       vector.store %{{.*}}, %[[BUFFER]]
  // CHECK: bufferization.to_tensor %[[BUFFER]] restrict writable
  %v = tile.load %p mask %m : tensor<4x64x!tile.ptr<f16>> -> tensor<4x64xf16>
  return %v : tensor<4x64xf16>
}

// -----

// A mask that changes along the row: whole vectors where all lanes are on, else lane by lane.
// CHECK-LABEL: func.func @tail
// CHECK-SAME:    %[[X:.*]]: !tile.ptr<f32>, %[[N:.*]]: i32
func.func @tail(%x: !tile.ptr<f32>, %n: i32) attributes {tile.kernel} {
  %i = tile.arange 0 to 64 : tensor<64xi32>
  %s = tile.splat %x : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>>
  %p = tile.addptr %s, %i : tensor<64x!tile.ptr<f32>>, tensor<64xi32>
  %ns = tile.splat %n : i32 -> tensor<64xi32>
  %m = arith.cmpi slt, %i, %ns : tensor<64xi32>
  %v = arith.constant dense<1.0> : tensor<64xf32>
  // CHECK: %[[LANES:.*]] = arith.cmpi slt, %{{.*}} : vector<16xi32>
  // CHECK: %[[ALL:.*]] = vector.reduction <and>, %[[LANES]]
  // CHECK: scf.if %[[ALL]] {
  // CHECK:   llvm.store %{{.*}} : vector<16xf32>, !llvm.ptr
  // CHECK: } else {
  // CHECK:   scf.for
  // CHECK:     %[[LANE:.*]] = arith.cmpi slt, %{{.*}}, %[[N]] : i32
  // CHECK:     scf.if %[[LANE]] {
  // CHECK-NEXT:  arith.extsi
  // CHECK-NEXT:  llvm.getelementptr
  // CHECK-NEXT:  llvm.store %{{.*}} : f32, !llvm.ptr
  tile.store %p, %v mask %m : tensor<64x!tile.ptr<f32>>
  return
}

// -----

// Offsets that come from memory are a gather: one element at a time.
// CHECK-LABEL: func.func @gather
// CHECK-SAME:    %[[X:.*]]: !tile.ptr<f32>, %[[I:.*]]: tensor<8xi32>
func.func @gather(%x: !tile.ptr<f32>, %i: tensor<8xi32>) -> tensor<8xf32> {
  %s = tile.splat %x : !tile.ptr<f32> -> tensor<8x!tile.ptr<f32>>
  %p = tile.addptr %s, %i : tensor<8x!tile.ptr<f32>>, tensor<8xi32>
  // CHECK: scf.for %[[K:.*]] =
  // CHECK:   %[[J:.*]] = tensor.extract %[[I]][%[[K]]]
  // CHECK:   llvm.load %{{.*}} : !llvm.ptr -> f32
  %v = tile.load %p : tensor<8x!tile.ptr<f32>> -> tensor<8xf32>
  return %v : tensor<8xf32>
}

// -----

// What only the store uses is computed in its loop, not stored as a tile first.
// CHECK-LABEL: func.func @fused_store
func.func @fused_store(%x: !tile.ptr<f32>, %v: tensor<16xf32>) {
  %i = tile.arange 0 to 16 : tensor<16xi32>
  %s = tile.splat %x : !tile.ptr<f32> -> tensor<16x!tile.ptr<f32>>
  %p = tile.addptr %s, %i : tensor<16x!tile.ptr<f32>>, tensor<16xi32>
  // CHECK: %[[V:.*]] = vector.transfer_read
  // CHECK: %[[SUM:.*]] = arith.addf %[[V]], %[[V]] : vector<16xf32>
  // CHECK: llvm.store %[[SUM]]
  %sum = arith.addf %v, %v : tensor<16xf32>
  tile.store %p, %sum : tensor<16x!tile.ptr<f32>>
  return
}

// -----

// CHECK-LABEL: func.func @atomics
func.func @atomics(%x: !tile.ptr<i32>, %v: tensor<4xi32>, %m: tensor<4xi1>, %a: i32, %b: i32) -> (tensor<4xi32>, i32) {
  %i = tile.arange 0 to 4 : tensor<4xi32>
  %s = tile.splat %x : !tile.ptr<i32> -> tensor<4x!tile.ptr<i32>>
  %p = tile.addptr %s, %i : tensor<4x!tile.ptr<i32>>, tensor<4xi32>
  // CHECK: scf.if %{{.*}} -> (i32) {
  // CHECK:   llvm.atomicrmw add %{{.*}}, %{{.*}} acq_rel
  // CHECK: } else {
  // CHECK-NEXT: scf.yield %c0_i32 : i32
  %old = tile.atomic_rmw add acq_rel device %p, %v mask %m : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
  // CHECK: llvm.cmpxchg %{{.*}}, %{{.*}}, %{{.*}} release monotonic
  %c = tile.atomic_cas release device %x, %a, %b : !tile.ptr<i32> -> i32
  return %old, %c : tensor<4xi32>, i32
}
