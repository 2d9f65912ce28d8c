// RUN: kiln-opt %s | kiln-opt | FileCheck %s

// CHECK-DAG: #layout = #tile_gpu.layout<register = {{\[\[}}1], [2{{\]\]}}, lane = {{\[\[}}4], [8], [16], [32], [64{{\]\]}}, warp = {{\[\[}}0], [0{{\]\]}}>
#blocked = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = [[0], [0]]>
#spread = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = [[32], [64]]>
#one = #tile_gpu.layout<register = [], lane = [[0, 0], [0, 0], [0, 0], [0, 0], [0, 0]], warp = []>

// CHECK-LABEL: @convert(
// CHECK: tile_gpu.convert_layout %{{.*}} : tensor<128xf32, #layout> -> tensor<128xf32, #layout{{[0-9]+}}>
func.func @convert(%x: tensor<128xf32, #blocked>) -> tensor<128xf32, #spread> {
  %y = tile_gpu.convert_layout %x : tensor<128xf32, #blocked> -> tensor<128xf32, #spread>
  return %y : tensor<128xf32, #spread>
}

// CHECK-LABEL: @single(
func.func @single(%x: tensor<1x1xf32, #one>) {
  return
}

// CHECK-LABEL: @mma(
// CHECK: tile_gpu.mma %{{.*}}, %{{.*}}, %{{.*}} warps [1, 4] : tensor<16x64xf16>, tensor<64x32xf16> -> tensor<16x32xf32>
func.func @mma(%a: tensor<16x64xf16>, %b: tensor<64x32xf16>, %c: tensor<16x32xf32>) -> tensor<16x32xf32> {
  %d = tile_gpu.mma %a, %b, %c warps [1, 4] : tensor<16x64xf16>, tensor<64x32xf16> -> tensor<16x32xf32>
  return %d : tensor<16x32xf32>
}

// CHECK-LABEL: @barrier(
// CHECK: tile_gpu.barrier
func.func @barrier() {
  tile_gpu.barrier
  return
}
