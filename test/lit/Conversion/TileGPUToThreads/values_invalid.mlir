// RUN: kiln-opt %s --tile-gpu-lower-to-threads --split-input-file --allow-unregistered-dialect --verify-diagnostics

func.func @none() attributes {tile.kernel, tile.num_warps = 1 : i32} {
  // expected-error @+1 {{has the type 'tensor<64xi32>', which has no layout}}
  %i = tile.arange 0 to 64 : tensor<64xi32>
  return
}

// -----

#row = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>
func.func @warps() attributes {tile.kernel, tile.num_warps = 2 : i32} {
  // expected-error @+1 {{has a tile in a layout for 1 warp(s) in a kernel of 2}}
  %i = tile.arange 0 to 64 : tensor<64xi32, #row>
  return
}

// -----

#row = #tile_gpu.layout<register = [], lane = [[1], [0], [0], [0], [0]], warp = []>
func.func @constant() attributes {tile.kernel, tile.num_warps = 1 : i32} {
  // expected-error @+1 {{is a tile whose elements differ}}
  %i = arith.constant dense<[0, 1]> : tensor<2xi32, #row>
  return
}

// -----

#full = #tile_gpu.layout<register = [[0, 1]], lane = [[0, 2], [0, 4], [0, 8], [0, 16], [1, 0]], warp = []>
#wrong = #tile_gpu.layout<register = [], lane = [[0, 0], [0, 0], [0, 0], [1, 0], [0, 0]], warp = []>
func.func @broadcast(%x: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.splat %x : i32 -> tensor<2x1xi32, #wrong>
  // expected-error @+1 {{has a source in a layout that does not fit its result}}
  %b = tile.broadcast %i : tensor<2x1xi32, #wrong> -> tensor<2x32xi32, #full>
  return
}

// -----

func.func @unknown(%p: !tile.ptr<f32>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  // expected-error @+1 {{cannot be lowered for a GPU}}
  "test.op"(%p) : (!tile.ptr<f32>) -> ()
  return
}
