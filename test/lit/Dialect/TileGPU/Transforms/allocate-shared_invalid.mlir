// RUN: kiln-opt %s -split-input-file -verify-diagnostics -tile-gpu-allocate-shared=max-bytes=8

func.func @atomic(%p: !tile.ptr<i32>, %v: i32) attributes {tile.kernel} {
  // expected-error @+1 {{'tile.atomic_rmw' op needs 16 bytes of shared memory, but a program has 8 at most: use smaller tiles}}
  %a = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i32
  %b = tile.atomic_rmw add relaxed device %p, %a : !tile.ptr<i32> -> i32
  return
}
