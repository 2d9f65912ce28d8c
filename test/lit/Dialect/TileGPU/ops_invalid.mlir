// RUN: kiln-opt %s -split-input-file -allow-unregistered-dialect -verify-diagnostics

// expected-error @+1 {{a layout needs 5 lane bases}}
#l = #tile_gpu.layout<register = [], lane = [[1]], warp = []>

// -----

// expected-error @+1 {{a register basis is 0: a thread would hold an element twice}}
#l = #tile_gpu.layout<register = [[0]], lane = [[1], [2], [4], [8], [16]], warp = []>

// -----

// expected-error @+1 {{the layout leaves out elements of its tile}}
#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [16], [32]], warp = []>

// -----

// expected-error @+1 {{the bases of a layout have different numbers of coordinates}}
#l = #tile_gpu.layout<register = [[1, 0]], lane = [[1], [2], [4], [8], [16]], warp = []>

// -----

// expected-error @+1 {{a coordinate of a basis is negative}}
#l = #tile_gpu.layout<register = [[-1]], lane = [[1], [2], [4], [8], [16]], warp = []>

// -----

// expected-error @+1 {{a layout has at most 2^62 elements}}
#l = #tile_gpu.layout<register = [[4611686018427387904]], lane = [[1], [2], [4], [8], [16]], warp = []>

// -----

// expected-error @+1 {{a layout has at most 2^62 elements}}
#l = #tile_gpu.layout<register = [[2147483648, 2147483648]], lane = [[1, 0], [2, 0], [4, 0], [8, 0], [16, 0]], warp = []>

// -----

// expected-error @+1 {{a layout has at most 62 bases}}
#l = #tile_gpu.shared_layout<offset = [[1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1],
  [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1],
  [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1], [1]]>

// -----

#a = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = [[0]]>
func.func @element(%x: tensor<128xf32, #a>) {
  // expected-error @+1 {{but only the layout may change}}
  %y = tile_gpu.convert_layout %x : tensor<128xf32, #a> -> tensor<128xf16, #a>
  return
}

// -----

#a = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = [[0]]>
func.func @none(%x: tensor<128xf32>) {
  // expected-error @+1 {{has the type 'tensor<128xf32>' without a layout}}
  %y = tile_gpu.convert_layout %x : tensor<128xf32> -> tensor<128xf32, #a>
  return
}

// -----

#a = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = [[0]]>
func.func @shape(%x: tensor<64xf32, #a>) {
  // expected-error @+1 {{whose layout is one of another shape}}
  %y = tile_gpu.convert_layout %x : tensor<64xf32, #a> -> tensor<64xf32, #a>
  return
}

// -----

#a = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = [[0]]>
#b = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = []>
func.func @warps(%x: tensor<128xf32, #a>) {
  // expected-error @+1 {{goes from a layout for 2 warp(s) to one for 1}}
  %y = tile_gpu.convert_layout %x : tensor<128xf32, #a> -> tensor<128xf32, #b>
  return
}

// -----

func.func @dims(%a: tensor<16x64xf16>, %b: tensor<32x32xf16>, %c: tensor<16x32xf32>) {
  // expected-error @+1 {{the shapes do not fit together}}
  %d = tile_gpu.mma %a, %b, %c warps [1, 4] : tensor<16x64xf16>, tensor<32x32xf16> -> tensor<16x32xf32>
  return
}

// -----

func.func @three(%a: tensor<16x64xf16>, %b: tensor<64x32xf16>, %c: tensor<16x32xf32>) {
  // expected-error @+1 {{needs two powers of two as warps}}
  %d = tile_gpu.mma %a, %b, %c warps [3, 4] : tensor<16x64xf16>, tensor<64x32xf16> -> tensor<16x32xf32>
  return
}

// -----

#a = #tile_gpu.layout<register = [], lane = [[0, 1], [0, 2], [0, 4], [1, 0], [2, 0]], warp = []>
func.func @layout(%a: tensor<4x8xf32, #a>, %b: tensor<8x8xf32>, %c: tensor<4x8xf32, #a>) {
  // expected-error @+1 {{the first operand has the type}}
  %d = tile_gpu.mma %a, %b, %c warps [1, 1] : tensor<4x8xf32, #a>, tensor<8x8xf32> -> tensor<4x8xf32, #a>
  return
}

// -----

func.func @attribute() {
  // expected-error @+1 {{attribute 'tile_gpu.layout' must be a layout, but is 1 : i32}}
  "test.op"() {tile_gpu.layout = 1 : i32} : () -> ()
  return
}

// -----

func.func @attribute() {
  // expected-error @+1 {{attribute 'tile_gpu.shared_offset' must be an i64 that is not negative, but is 1 : i32}}
  "test.op"() {tile_gpu.shared_offset = 1 : i32} : () -> ()
  return
}

// -----

func.func @machine() {
  // expected-error @+1 {{names 'warp.drive', which is no machine operation}}
  tile_gpu.machine "warp.drive"() : () -> ()
  return
}
