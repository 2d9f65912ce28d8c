// RUN: kiln-opt %s --split-input-file --tile-split-pointers --tile-lower-memory --canonicalize --cse | FileCheck %s

// The right operand of a dot with few rows is multiplied as it comes from memory, eight rows at a time, with later rows
// on their way; an offset that takes a wide multiplication is read from its tile, not computed again for every use.
// CHECK-LABEL: func.func @values
// CHECK-SAME:    %[[V:[a-z0-9]+]]: !tile.ptr<f16>, %[[ROWS:[a-z0-9]+]]: tensor<64xi64>, %[[P:[a-z0-9]+]]: tensor<4x64xf16>, %[[C:[a-z0-9]+]]: tensor<4x128xf32>
func.func @values(%v: !tile.ptr<f16>, %rows: tensor<64xi64>, %p: tensor<4x64xf16>, %c: tensor<4x128xf32>, %n: i64) -> tensor<4x128xf32> {
  %stride = arith.constant dense<300> : tensor<64xi64>
  // CHECK: %[[STARTS:.*]] = arith.muli %[[ROWS]], %{{.*}} : tensor<64xi64>
  %starts = arith.muli %rows, %stride : tensor<64xi64>
  %sc = tile.expand_dims %starts axis 1 : tensor<64xi64> -> tensor<64x1xi64>
  %sb = tile.broadcast %sc : tensor<64x1xi64> -> tensor<64x128xi64>
  %d = tile.arange 0 to 128 : tensor<128xi64>
  %dr = tile.expand_dims %d axis 0 : tensor<128xi64> -> tensor<1x128xi64>
  %db = tile.broadcast %dr : tensor<1x128xi64> -> tensor<64x128xi64>
  %o = arith.addi %sb, %db : tensor<64x128xi64>
  %s = tile.splat %v : !tile.ptr<f16> -> tensor<64x128x!tile.ptr<f16>>
  %ptr = tile.addptr %s, %o : tensor<64x128x!tile.ptr<f16>>, tensor<64x128xi64>
  // CHECK-DAG: %[[OWN:.*]] = bufferization.alloc_tensor() copy(%[[C]])
  // CHECK-DAG: %[[SUMS:.*]] = bufferization.to_buffer %[[OWN]]
  // CHECK-DAG: %[[LEFT:.*]] = arith.extf %[[P]] : tensor<4x64xf16> to tensor<4x64xf32>
  // CHECK: scf.for %[[K:.*]] = %{{.*}} to %c64 step %c8
  // CHECK-COUNT-8: tensor.extract %[[STARTS]]
  // CHECK:         arith.minui
  // CHECK-NOT:     llvm.intr.prefetch
  // CHECK:         scf.for %[[COLUMN:.*]] =
  // CHECK-COUNT-8:   llvm.intr.prefetch
  // CHECK:           tensor.extract %[[LEFT]][%{{.*}}, %[[K]]]
  // CHECK-COUNT-64:  math.fma
  // CHECK-NOT:       math.fma
  // CHECK-COUNT-8:   vector.store %{{.*}}, %[[SUMS]]
  // CHECK: bufferization.to_tensor %[[SUMS]]
  %x = tile.load %ptr : tensor<64x128x!tile.ptr<f16>> -> tensor<64x128xf16>
  %r = tile.dot %p, %x, %c : tensor<4x64xf16>, tensor<64x128xf16> -> tensor<4x128xf32>
  return %r : tensor<4x128xf32>
}

// -----

// Rows whose mask is off are rows of zeros, which no access to the kernel's memory makes. By a transposed tile, the rows of
// memory are columns of the product.
// CHECK: llvm.mlir.global internal constant @[[$ZEROS:.*]](dense<0> : tensor<512xi8>)
// CHECK-LABEL: func.func @scores
// CHECK-SAME:    %[[K:[a-z0-9]+]]: !tile.ptr<f32>, %[[Q:[a-z0-9]+]]: tensor<2x128xf32>
func.func @scores(%k: !tile.ptr<f32>, %q: tensor<2x128xf32>, %n: i64) -> tensor<2x16xf32> {
  %i = tile.arange 0 to 16 : tensor<16xi64>
  %ns = tile.splat %n : i64 -> tensor<16xi64>
  %m = arith.cmpi slt, %i, %ns : tensor<16xi64>
  %mc = tile.expand_dims %m axis 1 : tensor<16xi1> -> tensor<16x1xi1>
  %mb = tile.broadcast %mc : tensor<16x1xi1> -> tensor<16x128xi1>
  %ic = tile.expand_dims %i axis 1 : tensor<16xi64> -> tensor<16x1xi64>
  %ib = tile.broadcast %ic : tensor<16x1xi64> -> tensor<16x128xi64>
  %d = tile.arange 0 to 128 : tensor<128xi64>
  %dr = tile.expand_dims %d axis 0 : tensor<128xi64> -> tensor<1x128xi64>
  %db = tile.broadcast %dr : tensor<1x128xi64> -> tensor<16x128xi64>
  %o = arith.addi %ib, %db : tensor<16x128xi64>
  %s = tile.splat %k : !tile.ptr<f32> -> tensor<16x128x!tile.ptr<f32>>
  %ptr = tile.addptr %s, %o : tensor<16x128x!tile.ptr<f32>>, tensor<16x128xi64>
  // CHECK: llvm.mlir.addressof @[[$ZEROS]]
  // CHECK: arith.select %{{.*}} : !llvm.ptr
  // CHECK: vector.transfer_read %[[Q]]
  // CHECK: math.fma
  %x = tile.load %ptr mask %mb : tensor<16x128x!tile.ptr<f32>> -> tensor<16x128xf32>
  %t = tile.trans %x [1, 0] : tensor<16x128xf32> -> tensor<128x16xf32>
  %c = arith.constant dense<0.0> : tensor<2x16xf32>
  %r = tile.dot %q, %t, %c : tensor<2x128xf32>, tensor<128x16xf32> -> tensor<2x16xf32>
  return %r : tensor<2x16xf32>
}

// -----

// A store between the load and the dot keeps the load where it is.
// CHECK-LABEL: func.func @ordered
func.func @ordered(%v: !tile.ptr<f32>, %p: tensor<4x32xf32>, %c: tensor<4x64xf32>, %f: f32) -> tensor<4x64xf32> {
  %i = tile.arange 0 to 32 : tensor<32xi64>
  %ic = tile.expand_dims %i axis 1 : tensor<32xi64> -> tensor<32x1xi64>
  %ib = tile.broadcast %ic : tensor<32x1xi64> -> tensor<32x64xi64>
  %d = tile.arange 0 to 64 : tensor<64xi64>
  %dr = tile.expand_dims %d axis 0 : tensor<64xi64> -> tensor<1x64xi64>
  %db = tile.broadcast %dr : tensor<1x64xi64> -> tensor<32x64xi64>
  %o = arith.addi %ib, %db : tensor<32x64xi64>
  %s = tile.splat %v : !tile.ptr<f32> -> tensor<32x64x!tile.ptr<f32>>
  %ptr = tile.addptr %s, %o : tensor<32x64x!tile.ptr<f32>>, tensor<32x64xi64>
  // CHECK: memref.alloc() : memref<32x64xf32>
  // CHECK: llvm.store
  // CHECK: tile.dot
  %x = tile.load %ptr : tensor<32x64x!tile.ptr<f32>> -> tensor<32x64xf32>
  tile.store %v, %f : !tile.ptr<f32>
  %r = tile.dot %p, %x, %c : tensor<4x32xf32>, tensor<32x64xf32> -> tensor<4x64xf32>
  return %r : tensor<4x64xf32>
}
