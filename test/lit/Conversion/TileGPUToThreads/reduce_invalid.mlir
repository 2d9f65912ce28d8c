// RUN: kiln-opt %s --tile-gpu-allocate-shared --tile-gpu-lower-to-threads --split-input-file --verify-diagnostics

#l = #tile_gpu.layout<register = [], lane = [[0, 1], [1, 1], [0, 0], [0, 0], [0, 0]], warp = []>
#r = #tile_gpu.layout<register = [], lane = [[0], [1], [0], [0], [0]], warp = []>
func.func @mixed(%x: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %s = tile.splat %x : i32 -> tensor<2x2xi32, #l>
  // expected-error @+1 {{reduces a tile in a layout whose positions along the axis are mixed}}
  %t = tile.reduce %s axis 1 : (tensor<2x2xi32, #l>) -> tensor<2xi32, #r> {
  ^bb0(%a: i32, %b: i32):
    %c = arith.addi %a, %b : i32
    tile.yield %c : i32
  }
  return
}

// -----

#l = #tile_gpu.layout<register = [[2]], lane = [[1], [0], [0], [0], [0]], warp = []>
func.func @scan(%x: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %s = tile.splat %x : i32 -> tensor<4xi32, #l>
  // expected-error @+1 {{scans a tile in the layout}}
  %t = tile.scan %s axis 0 : (tensor<4xi32, #l>) -> tensor<4xi32, #l> {
  ^bb0(%a: i32, %b: i32):
    %c = arith.addi %a, %b : i32
    tile.yield %c : i32
  }
  return
}
