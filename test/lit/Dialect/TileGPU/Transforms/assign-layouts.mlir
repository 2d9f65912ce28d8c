// RUN: kiln-opt %s --tile-gpu-assign-layouts --split-input-file | FileCheck %s

// The loads and the store say where they want their tiles; what lies between stays in the layout of the load, and only the
// result moves. The pointers are made where they are used.
// CHECK-DAG: #[[$IN:.*]] = #tile_gpu.layout<register = {{\[\[}}1{{\]\]}}, lane = {{\[\[}}2], [4], [8], [16], [32{{\]\]}}, warp = []>
// CHECK-DAG: #[[$OUT:.*]] = #tile_gpu.layout<register = {{\[\[}}32{{\]\]}}, lane = {{\[\[}}1], [2], [4], [8], [16{{\]\]}}, warp = []>
// CHECK-LABEL: @access(
// CHECK: tile.arange 0 to 64 : tensor<64xi32, #[[$OUT]]>
// CHECK: tile_gpu.convert_layout %{{.*}} : tensor<64xi32, #[[$OUT]]> -> tensor<64xi32, #[[$IN]]>
// CHECK: tile.load %{{.*}} : tensor<64x!tile.ptr<f32>, #[[$IN]]> -> tensor<64xf32, #[[$IN]]>
// CHECK: arith.addf %{{.*}} : tensor<64xf32, #[[$IN]]>
// CHECK: tile_gpu.convert_layout %{{.*}} : tensor<64xf32, #[[$IN]]> -> tensor<64xf32, #[[$OUT]]>
// CHECK: tile.store %{{.*}} : tensor<64x!tile.ptr<f32>, #[[$OUT]]>
// CHECK-NOT: {tile_gpu.layout
#in = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>
#out = #tile_gpu.layout<register = [[32]], lane = [[1], [2], [4], [8], [16]], warp = []>
func.func @access(%x: !tile.ptr<f32>, %y: !tile.ptr<f32>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 64 : tensor<64xi32>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>>
  %p = tile.addptr %xs, %i : tensor<64x!tile.ptr<f32>>, tensor<64xi32>
  %v = tile.load %p {tile_gpu.layout = #in} : tensor<64x!tile.ptr<f32>> -> tensor<64xf32>
  %w = arith.addf %v, %v : tensor<64xf32>
  %ys = tile.splat %y : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>>
  %q = tile.addptr %ys, %i : tensor<64x!tile.ptr<f32>>, tensor<64xi32>
  tile.store %q, %w {tile_gpu.layout = #out} : tensor<64x!tile.ptr<f32>>
  return
}

// -----

// A loop carries its accumulator where the tensor core leaves it, also the value it starts from.
// CHECK-DAG: #[[$ACC:.*]] = #tile_gpu.layout<register = {{\[\[}}0, 1], [8, 0{{\]\]}}, lane = {{\[\[}}0, 2], [0, 4], [1, 0], [2, 0], [4, 0{{\]\]}}, warp = []>
// CHECK-DAG: #[[$A:.*]] = #tile_gpu.layout<register = {{\[\[}}0, 1], [8, 0], [0, 8{{\]\]}}, lane = {{\[\[}}0, 2], [0, 4], [1, 0], [2, 0], [4, 0{{\]\]}}, warp = []>
// CHECK-DAG: #[[$B:.*]] = #tile_gpu.layout<register = {{\[\[}}1, 0], [8, 0{{\]\]}}, lane = {{\[\[}}2, 0], [4, 0], [0, 1], [0, 2], [0, 4{{\]\]}}, warp = []>
// CHECK-LABEL: @accumulate(
// CHECK: %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : tensor<16x8xf32, #[[$ACC]]>
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[ZERO]]) -> (tensor<16x8xf32, #[[$ACC]]>)
// CHECK: tile_gpu.mma {{.*}} : tensor<16x16xf16, #[[$A]]>, tensor<16x8xf16, #[[$B]]> -> tensor<16x8xf32, #[[$ACC]]>
func.func @accumulate(%x: f16, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %zero = arith.constant dense<0.0> : tensor<16x8xf32>
  %a = tile.splat %x : f16 -> tensor<16x16xf16>
  %b = tile.splat %x : f16 -> tensor<16x8xf16>
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> (tensor<16x8xf32>) : i32 {
    %d = tile_gpu.mma %a, %b, %acc warps [1, 1] : tensor<16x16xf16>, tensor<16x8xf16> -> tensor<16x8xf32>
    scf.yield %d : tensor<16x8xf32>
  }
  return
}

// -----

// A small load goes where its row is wanted, and a reduction leaves its result where its rows were.
// CHECK-DAG: #[[$TILE:.*]] = #tile_gpu.layout<register = {{\[\[}}0, 1], [2, 0{{\]\]}}, lane = {{\[\[}}0, 2], [0, 4], [0, 8], [0, 16], [1, 0{{\]\]}}, warp = []>
// CHECK-DAG: #[[$ROW:.*]] = #tile_gpu.layout<register = {{\[\[}}2{{\]\]}}, lane = {{\[\[}}0], [0], [0], [0], [1{{\]\]}}, warp = []>
// CHECK-LABEL: @rows(
// CHECK: tile.load %{{.*}} : tensor<4x!tile.ptr<i32>, #[[$ROW]]> -> tensor<4xi32, #[[$ROW]]>
// CHECK: tile.load %{{.*}} : tensor<4x32x!tile.ptr<f32>, #[[$TILE]]> -> tensor<4x32xf32, #[[$TILE]]>
// CHECK: tile.reduce %{{.*}} axis 1 : (tensor<4x32xf32, #[[$TILE]]>) -> tensor<4xf32, #[[$ROW]]>
// CHECK: tile.store %{{.*}}, %{{.*}} : tensor<4x!tile.ptr<f32>, #[[$ROW]]>
#tile = #tile_gpu.layout<register = [[0, 1], [2, 0]], lane = [[0, 2], [0, 4], [0, 8], [0, 16], [1, 0]], warp = []>
func.func @rows(%x: !tile.ptr<f32>, %t: !tile.ptr<i32>, %y: !tile.ptr<f32>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 4 : tensor<4xi32>
  %ts = tile.splat %t : !tile.ptr<i32> -> tensor<4x!tile.ptr<i32>>
  %tp = tile.addptr %ts, %i : tensor<4x!tile.ptr<i32>>, tensor<4xi32>
  %page = tile.load %tp : tensor<4x!tile.ptr<i32>> -> tensor<4xi32>
  %pages = tile.expand_dims %page axis 1 : tensor<4xi32> -> tensor<4x1xi32>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<4x1x!tile.ptr<f32>>
  %row = tile.addptr %xs, %pages : tensor<4x1x!tile.ptr<f32>>, tensor<4x1xi32>
  %p = tile.broadcast %row : tensor<4x1x!tile.ptr<f32>> -> tensor<4x32x!tile.ptr<f32>>
  %v = tile.load %p {tile_gpu.layout = #tile} : tensor<4x32x!tile.ptr<f32>> -> tensor<4x32xf32>
  %s = tile.reduce %v axis 1 : (tensor<4x32xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32, %b: f32):
    %c = arith.addf %a, %b : f32
    tile.yield %c : f32
  }
  %ys = tile.splat %y : !tile.ptr<f32> -> tensor<4x!tile.ptr<f32>>
  %q = tile.addptr %ys, %i : tensor<4x!tile.ptr<f32>>, tensor<4xi32>
  tile.store %q, %s : tensor<4x!tile.ptr<f32>>
  return
}

// -----

// Branches and while loops: one layout for what they yield.
// CHECK-LABEL: @control(
// CHECK: scf.if %{{.*}} -> (tensor<64xf32, #[[L:.*]]>) {
// CHECK: scf.yield %{{.*}} : tensor<64xf32, #[[L]]>
// CHECK: scf.yield %{{.*}} : tensor<64xf32, #[[L]]>
// CHECK: scf.while (%{{.*}} = %{{.*}}) : (tensor<64xf32, #[[L]]>) -> tensor<64xf32, #[[L]]>
#l = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>
func.func @control(%y: !tile.ptr<f32>, %c: i1, %a: f32, %b: f32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %r = scf.if %c -> (tensor<64xf32>) {
    %s = tile.splat %a : f32 -> tensor<64xf32>
    scf.yield %s : tensor<64xf32>
  } else {
    %s = tile.splat %b : f32 -> tensor<64xf32>
    scf.yield %s : tensor<64xf32>
  }
  %w = scf.while (%v = %r) : (tensor<64xf32>) -> tensor<64xf32> {
    scf.condition(%c) %v : tensor<64xf32>
  } do {
  ^bb0(%v: tensor<64xf32>):
    %d = arith.addf %v, %v : tensor<64xf32>
    scf.yield %d : tensor<64xf32>
  }
  %ys = tile.splat %y : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>>
  tile.store %ys, %w {tile_gpu.layout = #l} : tensor<64x!tile.ptr<f32>>
  return
}

// -----

// What nobody asks for still gets a layout.
// CHECK-DAG: #[[$DEFAULT:.*]] = #tile_gpu.layout<register = {{\[\[}}0, 1], [0, 2], [16, 0], [32, 0{{\]\]}}, lane = {{\[\[}}0, 4], [0, 8], [1, 0], [2, 0], [4, 0{{\]\]}}, warp = {{\[\[}}8, 0{{\]\]}}>
// CHECK-LABEL: @rest(
// CHECK: tile.reduce %{{.*}} axis 1 : (tensor<64x16xf32, #[[$DEFAULT]]>)
func.func @rest(%x: f32) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %s = tile.splat %x : f32 -> tensor<64x16xf32>
  %r = tile.reduce %s axis 1 : (tensor<64x16xf32>) -> tensor<64xf32> {
  ^bb0(%a: f32, %b: f32):
    %c = arith.addf %a, %b : f32
    tile.yield %c : f32
  }
  tile.print "r", %r : tensor<64xf32>
  return
}

// -----

// The store has a layout before the reduced tile has: what the reduction yields follows the tile, and is converted.
// CHECK-DAG: #[[$TILE:.*]] = #tile_gpu.layout<register = {{\[\[}}0, 1], [0, 2], [8, 0], [16, 0{{\]\]}}, lane = {{\[\[}}0, 4], [0, 8], [1, 0], [2, 0], [4, 0{{\]\]}}, warp = []>
// CHECK-DAG: #[[$ROWS:.*]] = #tile_gpu.layout<register = {{\[\[}}8], [16{{\]\]}}, lane = {{\[\[}}0], [0], [1], [2], [4{{\]\]}}, warp = []>
// CHECK-DAG: #[[$STORE:.*]] = #tile_gpu.layout<register = [], lane = {{\[\[}}1], [2], [4], [8], [16{{\]\]}}, warp = []>
#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
// CHECK-LABEL: @reduced_constant(
// CHECK: %[[R:.*]] = tile.reduce %{{.*}} axis 1 : (tensor<32x16xi32, #[[$TILE]]>) -> tensor<32xi32, #[[$ROWS]]>
// CHECK: tile_gpu.convert_layout %[[R]] : tensor<32xi32, #[[$ROWS]]> -> tensor<32xi32, #[[$STORE]]>
func.func @reduced_constant(%out: !tile.ptr<i32>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c = arith.constant dense<0> : tensor<32x16xi32>
  %r = tile.reduce %c axis 1 : (tensor<32x16xi32>) -> tensor<32xi32> {
  ^bb0(%a: i32, %b: i32):
    %s = arith.minsi %a, %b : i32
    tile.yield %s : i32
  }
  %p = tile.splat %out : !tile.ptr<i32> -> tensor<32x!tile.ptr<i32>>
  tile.store %p, %r {tile_gpu.layout = #l} : tensor<32x!tile.ptr<i32>>
  return
}
