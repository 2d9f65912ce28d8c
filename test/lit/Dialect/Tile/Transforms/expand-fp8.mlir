// RUN: kiln-opt %s --tile-expand-fp8 -split-input-file -verify-diagnostics | FileCheck %s

// Pointers, tiles and loops change their types; E5M2 is the upper byte of f16.
// CHECK-LABEL: func @kernel(
// CHECK-SAME: %[[P:.*]]: !tile.ptr<i8>, %[[N:.*]]: i32)
func.func @kernel(%p: !tile.ptr<f8E5M2>, %n: i32) attributes {tile.kernel} {
  // CHECK-NOT: f8E
  // CHECK: %[[V:.*]] = tile.load %[[P]] : !tile.ptr<i8> -> i8
  %v = tile.load %p : !tile.ptr<f8E5M2> -> f8E5M2
  // CHECK: arith.extui %[[V]] : i8 to i16
  // CHECK: arith.shli
  // CHECK: arith.bitcast %{{.*}} : i16 to f16
  // CHECK: arith.extf %{{.*}} : f16 to f32
  %w = arith.extf %v : f8E5M2 to f32
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  // CHECK: scf.for {{.*}} iter_args(%[[X:.*]] = %[[V]]) -> (i8)
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%x = %v) -> (f8E5M2) : i32 {
    // CHECK: %[[BYTE:.*]] = arith.trunci %{{.*}} : i32 to i8
    // CHECK: scf.yield %[[BYTE]] : i8
    %t = arith.truncf %w : f32 to f8E5M2
    scf.yield %t : f8E5M2
  }
  // CHECK: tile.store %[[P]], %{{.*}} : !tile.ptr<i8>
  tile.store %p, %r : !tile.ptr<f8E5M2>
  return
}

// -----

// Constants become bytes, casts to bytes vanish.
// CHECK-LABEL: func @bytes(
func.func @bytes(%x: tensor<4xf8E4M3FN>) -> (tensor<4xi8>, tensor<4xi8>) {
  // CHECK: %[[C:.*]] = arith.constant dense<56> : tensor<4xi8>
  // CHECK-NOT: bitcast
  // CHECK: return %{{.*}}, %[[C]]
  %c = arith.constant dense<1.0> : tensor<4xf8E4M3FN>
  %a = tile.bitcast %x : tensor<4xf8E4M3FN> -> tensor<4xi8>
  %b = tile.bitcast %c : tensor<4xf8E4M3FN> -> tensor<4xi8>
  return %a, %b : tensor<4xi8>, tensor<4xi8>
}

// -----

// A dot multiplies f32, which is as exact. E4M3 is 2^8 times too small as f16.
// CHECK-LABEL: func @dot(
func.func @dot(%a: tensor<16x16xf8E4M3FN>, %b: tensor<16x16xf8E5M2>, %c: tensor<16x16xf32>) -> tensor<16x16xf32> {
  // CHECK: arith.extsi %{{.*}} : tensor<16x16xi8> to tensor<16x16xi16>
  // CHECK: arith.constant dense<2.560000e+02>
  // CHECK: tile.dot %{{.*}} : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
  %d = tile.dot %a, %b, %c : tensor<16x16xf8E4M3FN>, tensor<16x16xf8E5M2> -> tensor<16x16xf32>
  return %d : tensor<16x16xf32>
}

// -----

// What is printed has the program's type.
// CHECK-LABEL: func @print(
func.func @print(%x: tensor<4xf8E4M3FN>, %y: f32, %p: !tile.ptr<f8E5M2>, %q: !tile.ptr<i8>) {
  // CHECK: tile.print "x", %{{.*}}, %{{.*}} : tensor<4xf32>, f32 {types = [tensor<4xf8E4M3FN>, f32]}
  tile.print "x", %x, %y : tensor<4xf8E4M3FN>, f32
  // CHECK: tile.print "p", %{{.*}} : !tile.ptr<i8> {types = [!tile.ptr<f8E5M2>]}
  tile.print "p", %p : !tile.ptr<f8E5M2>
  // CHECK: tile.print "q", %{{.*}} : !tile.ptr<i8>{{$}}
  tile.print "q", %q : !tile.ptr<i8>
  return
}

// -----

// Rounding f64 twice would be wrong, so f32 in between is rounded to odd.
// CHECK-LABEL: func @double(
func.func @double(%x: f64) -> f8E4M3FN {
  // CHECK: %[[F:.*]] = arith.truncf %{{.*}} : f64 to f32
  // CHECK: arith.extf %[[F]] : f32 to f64
  // CHECK: arith.cmpf ogt
  // CHECK: arith.cmpf one
  %r = arith.truncf %x : f64 to f8E4M3FN
  return %r : f8E4M3FN
}

// -----

func.func @arithmetic(%x: tensor<4xf8E5M2>) -> tensor<4xf8E5M2> {
  // expected-error @+1 {{computes with fp8 values, which are for storage only: convert them first}}
  %r = arith.addf %x, %x : tensor<4xf8E5M2>
  return %r : tensor<4xf8E5M2>
}
