// RUN: kiln-opt %s -split-input-file -verify-diagnostics --tile-gpu-allocate-shared=max-bytes=8

func.func @atomic(%p: !tile.ptr<i32>, %v: i32) attributes {tile.kernel} {
  // expected-error @+1 {{'tile.atomic_rmw' op needs 16 bytes of shared memory, but a program has 8 at most: use smaller tiles}}
  %a = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i32
  // expected-note @+1 {{16 bytes for 'tile.atomic_rmw'}}
  %b = tile.atomic_rmw add relaxed device %p, %a : !tile.ptr<i32> -> i32
  tile.print "b", %b : i32
  return
}

// -----

#straight = #tile_gpu.shared_layout<offset = [[1]]>
func.func @ring() attributes {tile.kernel} {
  // expected-error @+1 {{'tile_gpu.alloc_ring' op needs 16 bytes of shared memory beside 0 of other rings, but a program has 8 at most: use fewer stages or smaller tiles}}
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<2x2xi32, #straight>
  return
}
