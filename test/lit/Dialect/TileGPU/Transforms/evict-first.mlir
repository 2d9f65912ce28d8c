// What rewrites a load keeps that it is evicted first.
// RUN: kiln-opt %s --tile-gpu-coalesce | FileCheck %s --check-prefix=COALESCE
// RUN: kiln-opt %s --tile-gpu-coalesce --tile-gpu-assign-layouts | FileCheck %s --check-prefix=ASSIGN
// RUN: kiln-opt %s --tile-gpu-coalesce --tile-gpu-assign-layouts --tile-gpu-remove-conversions | FileCheck %s --check-prefix=REMOVE
// RUN: kiln-opt %s --tile-gpu-coalesce --tile-gpu-assign-layouts --tile-gpu-pipeline | FileCheck %s --check-prefix=PIPELINE
// RUN: kiln-opt %s --tile-gpu-coalesce --tile-gpu-assign-layouts --tile-gpu-pipeline --tile-gpu-carry-pointers | FileCheck %s --check-prefix=CARRY

// The rows are copied into a ring, the one element at a time is fetched ahead into a register; each says how in front of the loop and in it.
// COALESCE-LABEL: @loop(
// COALESCE: tile.load %{{.*}} evict_first {{.*}} : tensor<128x
// COALESCE: tile.load %{{[a-z0-9]+}} evict_first : !tile.ptr<i32>
// ASSIGN-LABEL: @loop(
// ASSIGN: tile.load %{{.*}} evict_first : tensor<128x!tile.ptr<f32>, #
// REMOVE-LABEL: @loop(
// REMOVE: tile.load %{{.*}} evict_first : tensor<128x
// PIPELINE-LABEL: @loop(
// PIPELINE-NOT: scf.for
// PIPELINE-DAG: tile_gpu.async_load %{{.*}} mask %{{.*}} evict_first to %{{.*}} {tile_gpu.prologue}
// PIPELINE-DAG: tile.load %{{.*}} mask %{{.*}} evict_first {tile_gpu.prologue} : !tile.ptr<i32>
// PIPELINE: scf.for
// PIPELINE-DAG: tile_gpu.async_load %{{.*}} mask %{{.*}} evict_first to %{{.*}} tile_gpu.pipeline
// PIPELINE-DAG: tile.load %{{.*}} mask %{{.*}} evict_first {tile_gpu.pipeline
// CARRY-LABEL: @loop(
// CARRY: scf.for
// CARRY: tile_gpu.async_load %{{.*}} evict_first to
func.func @loop(%in: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly}, %table: !tile.ptr<i32> {tile.readonly}, %n: i32)
    attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c128 = arith.constant 128 : i32
  %zero = arith.constant dense<0.0> : tensor<128xf32>
  %lanes = tile.arange 0 to 128 : tensor<128xi32>
  %base = tile.splat %in : !tile.ptr<f32> -> tensor<128x!tile.ptr<f32>>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> (tensor<128xf32>) : i32 {
    %e = tile.addptr %table, %i : !tile.ptr<i32>, i32
    %o = arith.muli %i, %c128 : i32
    %os = tile.splat %o : i32 -> tensor<128xi32>
    %at = arith.addi %os, %lanes : tensor<128xi32>
    %p = tile.addptr %base, %at : tensor<128x!tile.ptr<f32>>, tensor<128xi32>
    %x = tile.load %p evict_first : tensor<128x!tile.ptr<f32>> -> tensor<128xf32>
    %k = tile.load %e evict_first : !tile.ptr<i32> -> i32
    %kf = arith.sitofp %k : i32 to f32
    %ks = tile.splat %kf : f32 -> tensor<128xf32>
    %y = arith.mulf %x, %ks : tensor<128xf32>
    %next = arith.addf %acc, %y : tensor<128xf32>
    scf.yield %next : tensor<128xf32>
  } {tile.num_stages = 3 : i32}
  tile.print "r", %sum : tensor<128xf32>
  return
}
