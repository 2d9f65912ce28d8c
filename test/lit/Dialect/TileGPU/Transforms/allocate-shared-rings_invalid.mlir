// RUN: kiln-opt %s -verify-diagnostics --tile-gpu-allocate-shared=max-bytes=24

#one = #tile_gpu.layout<register = [[1]], lane = [[0], [0], [0], [0], [0]], warp = []>
#straight = #tile_gpu.shared_layout<offset = [[1]]>
func.func @exchange(%p: !tile.ptr<i32>, %v: i32, %slot: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  // expected-note @+1 {{16 bytes for 'tile_gpu.alloc_ring'}}
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<2x2xi32, #straight>
  // expected-error @+1 {{'tile.atomic_rmw' op needs 16 bytes of shared memory beside 16 of rings, but a program has 24 at most: use fewer stages or smaller tiles}}
  %a = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i32
  %x = tile_gpu.ring_load %ring[%slot] : !tile_gpu.ring<2x2xi32, #straight> -> tensor<2xi32, #one>
  tile.print "x", %x, %a : tensor<2xi32, #one>, i32
  return
}
