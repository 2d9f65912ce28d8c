// What rewrites a load keeps that it is evicted first; loads that differ in it are not merged.
// RUN: kiln-opt %s -canonicalize | FileCheck %s --check-prefix=CANON
// RUN: kiln-opt %s -cse | FileCheck %s --check-prefix=CSE
// RUN: kiln-opt %s -loop-invariant-code-motion | FileCheck %s --check-prefix=LICM
// RUN: kiln-opt %s --tile-expand-fp8 | FileCheck %s --check-prefix=FP8
// RUN: kiln-opt %s --tile-split-pointers | FileCheck %s --check-prefix=SPLIT

// CANON-LABEL: @masks(
// CANON: tile.load %{{.*}} evict_first : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
// CANON: tile.load %{{.*}} mask %{{[a-z0-9]+}} evict_first : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
func.func @masks(%p: !tile.ptr<i32>, %on_i1: i1) attributes {tile.kernel} {
  %m = tile.splat %on_i1 : i1 -> tensor<4xi1>
  %on = arith.constant dense<true> : tensor<4xi1>
  %zero = arith.constant dense<0> : tensor<4xi32>
  %ps = tile.splat %p : !tile.ptr<i32> -> tensor<4x!tile.ptr<i32>>
  %i = tile.arange 0 to 4 : tensor<4xi32>
  %q = tile.addptr %ps, %i : tensor<4x!tile.ptr<i32>>, tensor<4xi32>
  %x = tile.load %q mask %on evict_first : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
  %y = tile.load %q mask %m other %zero evict_first : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
  tile.print "x", %x, %y : tensor<4xi32>, tensor<4xi32>
  return
}

// The second is the first; the third is another, though it reads the same.
// CSE-LABEL: @equal(
// CSE: %[[X:.*]] = tile.load %{{.*}} evict_first :
// CSE-NOT: evict_first
// CSE: %[[Y:.*]] = tile.load %{{[a-z0-9]+}} :
// CSE: tile.print "x", %[[X]], %[[X]], %[[Y]]
func.func @equal(%p: !tile.ptr<i32> {tile.readonly}) attributes {tile.kernel} {
  %x = tile.load %p evict_first : !tile.ptr<i32> -> i32
  %y = tile.load %p evict_first : !tile.ptr<i32> -> i32
  %z = tile.load %p : !tile.ptr<i32> -> i32
  tile.print "x", %x, %y, %z : i32, i32, i32
  return
}

// LICM-LABEL: @loop(
// LICM: tile.load %{{.*}} evict_first
// LICM: scf.for
func.func @loop(%p: !tile.ptr<i32> {tile.readonly}) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  scf.for %i = %c0 to %c4 step %c1 : i32 {
    %x = tile.load %p evict_first : !tile.ptr<i32> -> i32
    tile.print "x", %x, %i : i32, i32
  }
  return
}

// FP8-LABEL: @bytes(
// FP8: tile.load %{{.*}} evict_first {{.*}}tensor<4xi8>
// A CPU reads as ever.
// SPLIT-LABEL: @bytes(
// SPLIT: tile.load %{{.*}} evict_first
func.func @bytes(%p: !tile.ptr<f8E4M3FN>) attributes {tile.kernel} {
  %ps = tile.splat %p : !tile.ptr<f8E4M3FN> -> tensor<4x!tile.ptr<f8E4M3FN>>
  %i = tile.arange 0 to 4 : tensor<4xi32>
  %q = tile.addptr %ps, %i : tensor<4x!tile.ptr<f8E4M3FN>>, tensor<4xi32>
  %x = tile.load %q evict_first : tensor<4x!tile.ptr<f8E4M3FN>> -> tensor<4xf8E4M3FN>
  %w = arith.extf %x : tensor<4xf8E4M3FN> to tensor<4xf32>
  tile.print "x", %w : tensor<4xf32>
  return
}
