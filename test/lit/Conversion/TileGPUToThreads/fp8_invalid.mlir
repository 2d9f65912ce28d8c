// RUN: kiln-opt %s --tile-gpu-lower-to-threads --verify-diagnostics

#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>

func.func @double(%x: f64) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %t = tile.splat %x : f64 -> tensor<32xf64, #l>
  // expected-error @+1 {{'arith.truncf' op rounds f64 to fp8, which the machine does by way of f32 and so twice}}
  %f = arith.truncf %t : tensor<32xf64, #l> to tensor<32xf8E5M2, #l>
  return
}
