// RUN: kiln-opt %s --tile-gpu-coalesce --split-input-file --verify-diagnostics

// expected-error @+1 {{has 'tile.num_warps' = 3, but a program on a GPU has a power of two from 1 to 32}}
func.func @three() attributes {tile.kernel, tile.num_warps = 3 : i32} {
  return
}

// -----

// expected-error @+1 {{has 'tile.num_warps' = 64, but a program on a GPU has a power of two from 1 to 32}}
func.func @many() attributes {tile.kernel, tile.num_warps = 64 : i32} {
  return
}
