// RUN: kiln-opt %s --tile-gpu-assign-layouts --split-input-file --verify-diagnostics

// A thread holds 2048 elements, and no more.
func.func @most(%x: !tile.ptr<i32>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 65536 : tensor<65536xi32>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<65536x!tile.ptr<i32>>
  %p = tile.addptr %xs, %i : tensor<65536x!tile.ptr<i32>>, tensor<65536xi32>
  tile.store %p, %i : tensor<65536x!tile.ptr<i32>>
  return
}

// -----

func.func @more(%x: !tile.ptr<i32>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  // expected-error @+1 {{'tile.arange' op has a result of type 'tensor<131072xi32>', of which each of 32 threads holds 4096 elements, but a thread can hold 2048: use smaller tiles or raise num_warps}}
  %i = tile.arange 0 to 131072 : tensor<131072xi32>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<131072x!tile.ptr<i32>>
  %p = tile.addptr %xs, %i : tensor<131072x!tile.ptr<i32>>, tensor<131072xi32>
  tile.store %p, %i : tensor<131072x!tile.ptr<i32>>
  return
}

// -----

// The same tile has room in more threads.
func.func @warps(%x: !tile.ptr<i32>) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %i = tile.arange 0 to 131072 : tensor<131072xi32>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<131072x!tile.ptr<i32>>
  %p = tile.addptr %xs, %i : tensor<131072x!tile.ptr<i32>>, tensor<131072xi32>
  tile.store %p, %i : tensor<131072x!tile.ptr<i32>>
  return
}

// -----

// What a loop carries has one layout, and is found where it first appears.
func.func @carried(%x: !tile.ptr<f32>, %n: i32) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  // expected-error @+1 {{'arith.constant' op has a result of type 'tensor<1024x512xf32>', of which each of 128 threads holds 4096 elements}}
  %zero = arith.constant dense<0.0> : tensor<1024x512xf32>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%s = %zero) -> tensor<1024x512xf32> : i32 {
    %t = arith.addf %s, %s : tensor<1024x512xf32>
    scf.yield %t : tensor<1024x512xf32>
  }
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<1024x512x!tile.ptr<f32>>
  tile.store %xs, %sum : tensor<1024x512x!tile.ptr<f32>>
  return
}
