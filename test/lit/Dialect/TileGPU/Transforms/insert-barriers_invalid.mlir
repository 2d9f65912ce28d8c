// RUN: kiln-opt %s -split-input-file -verify-diagnostics --tile-gpu-insert-barriers

func.func @unplaced(%p: !tile.ptr<i32>, %v: i32) attributes {tile.kernel} {
  // expected-error @+1 {{'tile.atomic_rmw' op has no place in shared memory: tile-gpu-allocate-shared comes first}}
  %a = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i32
  %b = tile.atomic_rmw add relaxed device %p, %a : !tile.ptr<i32> -> i32
  return
}

// -----

#straight = #tile_gpu.shared_layout<offset = [[1]]>
func.func @ring() {
  // expected-error @+1 {{'tile_gpu.alloc_ring' op has no place in shared memory: tile-gpu-allocate-shared comes first}}
  %ring = tile_gpu.alloc_ring : !tile_gpu.ring<2x2xi32, #straight>
  return
}
