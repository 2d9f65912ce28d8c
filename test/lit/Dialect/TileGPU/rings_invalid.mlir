// RUN: kiln-opt %s -split-input-file -allow-unregistered-dialect -verify-diagnostics

// expected-error @+1 {{a layout of shared memory has one place for each element}}
#s = #tile_gpu.shared_layout<offset = [[0, 1], [0, 1], [1, 0]]>

// -----

// expected-error @+1 {{the bases of a layout have different numbers of coordinates}}
#s = #tile_gpu.shared_layout<offset = [[0, 1], [1]]>

// -----

#s = #tile_gpu.shared_layout<offset = [[1], [2]]>
// expected-error @+1 {{a ring has two slots or more, not 1}}
func.func private @slots(!tile_gpu.ring<1x4xf16, #s>)

// -----

#s = #tile_gpu.shared_layout<offset = [[1], [2]]>
// expected-error @+1 {{a ring has tiles of numbers, not of 'index'}}
func.func private @element(!tile_gpu.ring<2x4xindex, #s>)

// -----

#s = #tile_gpu.shared_layout<offset = [[1], [2]]>
// expected-error @+1 {{the tiles of a ring and their layout have different shapes}}
func.func private @shape(!tile_gpu.ring<2x8xf16, #s>)

// -----

#s = #tile_gpu.shared_layout<offset = [[1], [2]]>
// expected-error @+1 {{a ring has a number of slots and the sizes of their tiles}}
func.func private @tiles(!tile_gpu.ring<4xf16, #s>)

// -----

#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
#s = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16]]>
func.func @parameter(%ring: !tile_gpu.ring<2x32xf32, #s>, %slot: i32) {
  // expected-error @+1 {{uses a ring that no 'tile_gpu.alloc_ring' yields}}
  %x = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<2x32xf32, #s> -> tensor<32xf32, #l>
  return
}

// -----

#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
#s = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16]]>
func.func @other(%slot: i32) {
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<2x32xf32, #s>
  // expected-error @+1 {{: the tiles differ}}
  %x = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<2x32xf32, #s> -> tensor<32xf16, #l>
  return
}

// -----

#s = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16]]>
func.func @none(%slot: i32) {
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<2x32xf32, #s>
  // expected-error @+1 {{has the type 'tensor<32xf32>' without a layout}}
  %x = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<2x32xf32, #s> -> tensor<32xf32>
  return
}

// -----

#l = #tile_gpu.layout<register = [[32]], lane = [[1], [2], [4], [8], [16]], warp = []>
#s = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16]]>
func.func @wrong(%slot: i32) {
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<2x32xf32, #s>
  // expected-error @+1 {{whose layout is one of another shape}}
  %x = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<2x32xf32, #s> -> tensor<32xf32, #l>
  return
}

// -----

#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [0]], warp = []>
#s = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8]]>
func.func @copies(%p: tensor<16x!tile.ptr<f32>, #l>, %slot: i32) {
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<2x16xf32, #s>
  // expected-error @+1 {{of which several threads hold one element}}
  tile_gpu.async_load %p to %ring[%slot] : tensor<16x!tile.ptr<f32>, #l> to !tile_gpu.ring<2x16xf32, #s>
  return
}

// -----

#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
#s = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16]]>
func.func @mask(%p: tensor<32x!tile.ptr<f32>, #l>, %m: tensor<32xi1>, %slot: i32) {
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<2x32xf32, #s>
  // expected-error @+1 {{has a mask of type 'tensor<32xi1>' for pointers of type}}
  tile_gpu.async_load %p mask %m : tensor<32xi1> to %ring[%slot] : tensor<32x!tile.ptr<f32>, #l> to !tile_gpu.ring<2x32xf32, #s>
  return
}

// -----

func.func @attribute() {
  // expected-error @+1 {{attribute 'tile_gpu.pipeline' must be a string, but is 1 : i32}}
  "test.op"() {tile_gpu.pipeline = 1 : i32} : () -> ()
  return
}

// -----

#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [0]], warp = []>
#s = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16]]>
func.func @rank(%slot: i32) {
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<2x32xf32, #s>
  // expected-error @+1 {{begins at 2 number(s) and is of type 'tensor<16xf32, #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [0]], warp = []>>': the ranks differ}}
  %x = tile_gpu.ring_load %ring[%slot] at [0, 16] : !tile_gpu.ring<2x32xf32, #s> -> tensor<16xf32, #l>
  return
}

// -----

#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [0]], warp = []>
#s = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16]]>
func.func @aligned(%slot: i32) {
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<2x32xf32, #s>
  // expected-error @+1 {{reads 16 of 32 elements of a dimension from 8 on: a part begins at a multiple of its size and ends in the tile}}
  %x = tile_gpu.ring_load %ring[%slot] at [8] : !tile_gpu.ring<2x32xf32, #s> -> tensor<16xf32, #l>
  return
}

// -----

#l = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [0]], warp = []>
#s = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16]]>
func.func @beyond(%slot: i32) {
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<2x32xf32, #s>
  // expected-error @+1 {{reads 16 of 32 elements of a dimension from 32 on}}
  %x = tile_gpu.ring_load %ring[%slot] at [32] : !tile_gpu.ring<2x32xf32, #s> -> tensor<16xf32, #l>
  return
}
