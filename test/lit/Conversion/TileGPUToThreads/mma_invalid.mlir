// RUN: kiln-opt %s --tile-gpu-lower-to-threads --split-input-file --verify-diagnostics

#a = #tile_gpu.layout<register = [[0, 1], [8, 0]], lane = [[0, 2], [0, 0], [1, 0], [2, 0], [4, 0]], warp = []>
#b = #tile_gpu.layout<register = [[1, 0]], lane = [[2, 0], [0, 0], [0, 1], [0, 2], [0, 4]], warp = []>
#c = #tile_gpu.layout<register = [[0, 1], [8, 0]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = []>

func.func @short(%x: f16, %y: f32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %a = tile.splat %x : f16 -> tensor<16x4xf16, #a>
  %b = tile.splat %x : f16 -> tensor<4x8xf16, #b>
  %c = tile.splat %y : f32 -> tensor<16x8xf32, #c>
  // expected-error @+1 {{'tile_gpu.mma' op multiplies 4 columns of 'f16' by 4 rows of 'f16', which mma.sync cannot}}
  %d = tile_gpu.mma %a, %b, %c warps [1, 1] : tensor<16x4xf16, #a>, tensor<4x8xf16, #b> -> tensor<16x8xf32, #c>
  return
}
