// RUN: kiln-opt %s --split-input-file --tile-split-pointers --tile-lower-memory --canonicalize --cse | FileCheck %s

// The right operand of a dot with few rows is read eight rows at a time, with later rows on their way; an offset that takes a division is read
// from its tile, not computed again for every use.
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
  // CHECK: scf.for %[[K:.*]] = %{{.*}} to %c64 step %c8 iter_args(%[[ACC:.*]] = %[[C]])
  // CHECK:   %[[BUFFER:.*]] = memref.alloc() : memref<8x128xf16>
  // CHECK:   scf.for
  // CHECK:     arith.minui
  // CHECK:     tensor.extract %[[STARTS]]
  // CHECK:     llvm.intr.prefetch
  // CHECK:     tensor.extract %[[STARTS]]
  // CHECK:     llvm.load
  // CHECK:   %[[STEP:.*]] = bufferization.to_tensor %[[BUFFER]]
  // CHECK:   %[[PART:.*]] = tensor.extract_slice %[[P]][0, %[[K]]] [4, 8] [1, 1]
  // CHECK:   %[[NEXT:.*]] = tile.dot %[[PART]], %[[STEP]], %[[ACC]]
  // CHECK:   scf.yield %[[NEXT]]
  %x = tile.load %ptr : tensor<64x128x!tile.ptr<f16>> -> tensor<64x128xf16>
  %r = tile.dot %p, %x, %c : tensor<4x64xf16>, tensor<64x128xf16> -> tensor<4x128xf32>
  return %r : tensor<4x128xf32>
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
