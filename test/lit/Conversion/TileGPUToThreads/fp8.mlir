// RUN: kiln-opt %s --tile-gpu-lower-to-threads --canonicalize --split-input-file | FileCheck %s

#l = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>
#one = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>

// Two numbers at a time; one alone is taken twice.
// CHECK-LABEL: func.func @extend(
// CHECK-SAME: %[[X:.*]]: i8
// CHECK: %[[PAIR:.*]] = tile_gpu.machine "pack.b8x2"(%[[X]], %[[X]]) : (i8, i8) -> i16
// CHECK: %[[HALVES:.*]] = tile_gpu.machine "cvt.rn.f16x2.e4m3x2"(%[[PAIR]]) : (i16) -> i32
// CHECK: %[[BITS:.*]]:2 = tile_gpu.machine "unpack.b16x2"(%[[HALVES]]) : (i32) -> (i16, i16)
// CHECK: tile_gpu.machine "st.global.b16"(%{{.*}}, %[[BITS]]#0)
// CHECK: tile_gpu.machine "st.global.b16"(%{{.*}}, %[[BITS]]#1)
// CHECK: tile_gpu.machine "cvt.rn.f16x2.e5m2x2"
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK-NOT: arith.extf
func.func @extend(%x: i8, %p: !tile.ptr<f16>, %q: !tile.ptr<f32>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %b = tile.splat %x : i8 -> tensor<64xi8, #l>
  %f = tile.bitcast %b : tensor<64xi8, #l> -> tensor<64xf8E4M3FN, #l>
  %h = arith.extf %f : tensor<64xf8E4M3FN, #l> to tensor<64xf16, #l>
  %i = tile.arange 0 to 64 : tensor<64xi32, #l>
  %ps = tile.splat %p : !tile.ptr<f16> -> tensor<64x!tile.ptr<f16>, #l>
  %pp = tile.addptr %ps, %i : tensor<64x!tile.ptr<f16>, #l>, tensor<64xi32, #l>
  tile.store %pp, %h : tensor<64x!tile.ptr<f16>, #l>
  %b1 = tile.splat %x : i8 -> tensor<32xi8, #one>
  %f1 = tile.bitcast %b1 : tensor<32xi8, #one> -> tensor<32xf8E5M2, #one>
  %w = arith.extf %f1 : tensor<32xf8E5M2, #one> to tensor<32xf32, #one>
  %i1 = tile.arange 0 to 32 : tensor<32xi32, #one>
  %qs = tile.splat %q : !tile.ptr<f32> -> tensor<32x!tile.ptr<f32>, #one>
  %qp = tile.addptr %qs, %i1 : tensor<32x!tile.ptr<f32>, #one>, tensor<32xi32, #one>
  tile.store %qp, %w : tensor<32x!tile.ptr<f32>, #one>
  return
}

// -----

#l = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>

// Where the number is too large, the code after the one that it was saturated to. The first operand is the upper byte.
// CHECK-LABEL: func.func @truncate(
// CHECK-SAME: %[[X:.*]]: f32
// CHECK: %[[LIMIT:.*]] = arith.constant 4.640000e+02 : f32
// CHECK: %[[I:.*]] = arith.sitofp
// CHECK: %[[PAIR:.*]] = tile_gpu.machine "cvt.rn.satfinite.e4m3x2.f32"(%{{.*}}, %[[I]]) : (f32, f32) -> i16
// CHECK: %[[BYTES:.*]]:2 = tile_gpu.machine "unpack.b8x2"(%[[PAIR]]) : (i16) -> (i8, i8)
// CHECK: %[[ABS:.*]] = math.absf %[[I]]
// CHECK: %[[BEYOND:.*]] = arith.cmpf ogt, %[[ABS]], %[[LIMIT]] : f32
// CHECK: %[[NEXT:.*]] = arith.extui %[[BEYOND]] : i1 to i8
// CHECK: arith.addi %[[BYTES]]#0, %[[NEXT]] : i8
func.func @truncate(%x: f32, %p: !tile.ptr<i8>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 64 : tensor<64xi32, #l>
  %n = arith.sitofp %i : tensor<64xi32, #l> to tensor<64xf32, #l>
  %f = arith.truncf %n : tensor<64xf32, #l> to tensor<64xf8E4M3FN, #l>
  %b = tile.bitcast %f : tensor<64xf8E4M3FN, #l> -> tensor<64xi8, #l>
  %ps = tile.splat %p : !tile.ptr<i8> -> tensor<64x!tile.ptr<i8>, #l>
  %pp = tile.addptr %ps, %i : tensor<64x!tile.ptr<i8>, #l>, tensor<64xi32, #l>
  tile.store %pp, %b : tensor<64x!tile.ptr<i8>, #l>
  return
}
