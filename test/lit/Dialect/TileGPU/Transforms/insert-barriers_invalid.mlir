// RUN: kiln-opt %s -split-input-file -verify-diagnostics -tile-gpu-insert-barriers

func.func @unplaced(%p: !tile.ptr<i32>, %v: i32) attributes {tile.kernel} {
  // expected-error @+1 {{'tile.atomic_rmw' op has no place in shared memory: tile-gpu-allocate-shared comes first}}
  %a = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i32
  %b = tile.atomic_rmw add relaxed device %p, %a : !tile.ptr<i32> -> i32
  return
}
