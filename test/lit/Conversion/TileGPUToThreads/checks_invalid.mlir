// RUN: kiln-opt %s --tile-gpu-lower-to-threads --verify-diagnostics

#row = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>
func.func @pointers(%p: !tile.ptr<f32>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %ps = tile.splat %p : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>, #row>
  // expected-error @+1 {{cannot print a tile of pointers; print the offsets instead}}
  tile.print "p", %ps : tensor<64x!tile.ptr<f32>, #row>
  return
}
