// RUN: kiln-opt %s --test-tile-axis-facts -split-input-file -verify-diagnostics=only-expected

// The addresses and the mask of a block of a vector.
func.func @vector(%p: !tile.ptr<f32> {tile.divisibility = 16 : i64}, %n: i32 {tile.divisibility = 8 : i64}) attributes {tile.kernel} {
  %c64 = arith.constant 64 : i32
  // expected-remark @below {{divisibility = [1], constancy = [1], range = [0, 2147483646]}}
  %pid = tile.program_id 0 : i32
  // expected-remark @below {{contiguity = [1], divisibility = [64], constancy = [1]}}
  %start = arith.muli %pid, %c64 : i32
  // expected-remark @below {{contiguity = [64], divisibility = [4611686018427387904], constancy = [1], range = [0, 63]}}
  %i = tile.arange 0 to 64 : tensor<64xi32>
  // expected-remark @below {{contiguity = [1], divisibility = [64], constancy = [64]}}
  %s = tile.splat %start : i32 -> tensor<64xi32>
  // expected-remark @below {{contiguity = [64], divisibility = [64], constancy = [1]}}
  %offs = arith.addi %s, %i : tensor<64xi32>
  %ns = tile.splat %n : i32 -> tensor<64xi32>
  // expected-remark @below {{constancy = [8]}}
  %mask = arith.cmpi slt, %offs, %ns : tensor<64xi32>
  // expected-remark @below {{constancy = [8]}}
  %mask2 = arith.cmpi sgt, %ns, %offs : tensor<64xi32>
  // expected-remark @below {{constancy = [1]}}
  %mask3 = arith.cmpi sle, %offs, %ns : tensor<64xi32>
  // expected-remark @below {{contiguity = [1], divisibility = [16], constancy = [64]}}
  %ps = tile.splat %p : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>>
  // expected-remark @below {{contiguity = [64], divisibility = [16], constancy = [1]}}
  %a = tile.addptr %ps, %offs : tensor<64x!tile.ptr<f32>>, tensor<64xi32>
  return
}

// -----

// Paged attention: a block of 64 tokens lies in pages of 16, so the block table is read 4 times, and tokens of a page are neighbours.
func.func @paged(%table: !tile.ptr<i32> {tile.readonly}, %kv: !tile.ptr<f16> {tile.divisibility = 16 : i64},
                 %stride: i64 {tile.divisibility = 8 : i64}, %len: i32) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c64 = arith.constant 64 : i32
  %page = arith.constant dense<16> : tensor<64xi32>
  %i = tile.arange 0 to 64 : tensor<64xi32>
  %d = tile.arange 0 to 128 : tensor<128xi32>
  %ts = tile.splat %table : !tile.ptr<i32> -> tensor<64x!tile.ptr<i32>>
  %ns = tile.splat %len : i32 -> tensor<64xi32>
  // expected-remark @below {{argument 0: contiguity = [1], divisibility = [64], constancy = [1], range = [0, 2147483584]}}
  scf.for %n0 = %c0 to %len step %c64 : i32 {
    %n0s = tile.splat %n0 : i32 -> tensor<64xi32>
    // expected-remark @below {{contiguity = [64], divisibility = [64], constancy = [1], range = [0, 2147483647]}}
    %offs = arith.addi %n0s, %i : tensor<64xi32>
    %mask = arith.cmpi slt, %offs, %ns : tensor<64xi32>
    // expected-remark @below {{contiguity = [1], divisibility = [1], constancy = [16], range = [0, 134217727]}}
    %index = arith.divsi %offs, %page : tensor<64xi32>
    // expected-remark @below {{contiguity = [16], divisibility = [16], constancy = [1], range = [0, 15]}}
    %slot = arith.remsi %offs, %page : tensor<64xi32>
    // expected-remark @below {{contiguity = [1], divisibility = [1], constancy = [16]}}
    %tp = tile.addptr %ts, %index : tensor<64x!tile.ptr<i32>>, tensor<64xi32>
    // The mask is not constant within a page, so neither is what is loaded.
    // expected-remark @below {{contiguity = [1], divisibility = [1], constancy = [1]}}
    %masked = tile.load %tp mask %mask : tensor<64x!tile.ptr<i32>> -> tensor<64xi32>
    // expected-remark @below {{contiguity = [1], divisibility = [1], constancy = [16]}}
    %phys = tile.load %tp : tensor<64x!tile.ptr<i32>> -> tensor<64xi32>
    %phys64 = arith.extsi %phys : tensor<64xi32> to tensor<64xi64>
    %strides = tile.splat %stride : i64 -> tensor<64xi64>
    // expected-remark @below {{contiguity = [1], divisibility = [8], constancy = [16]}}
    %base = arith.muli %phys64, %strides : tensor<64xi64>
    // expected-remark @below {{contiguity = [16], divisibility = [16], constancy = [1], range = [0, 15]}}
    %slot64 = arith.extsi %slot : tensor<64xi32> to tensor<64xi64>
    // expected-remark @below {{contiguity = [16], divisibility = [8], constancy = [1]}}
    %token = arith.addi %base, %slot64 : tensor<64xi64>
    %col = tile.expand_dims %token axis 1 : tensor<64xi64> -> tensor<64x1xi64>
    %colb = tile.broadcast %col : tensor<64x1xi64> -> tensor<64x128xi64>
    %c128 = arith.constant dense<128> : tensor<64x128xi64>
    // expected-remark @below {{contiguity = [1, 1], divisibility = [128, 128], constancy = [1, 128]}}
    %rows = arith.muli %colb, %c128 : tensor<64x128xi64>
    %d64 = arith.extsi %d : tensor<128xi32> to tensor<128xi64>
    %row = tile.expand_dims %d64 axis 0 : tensor<128xi64> -> tensor<1x128xi64>
    // expected-remark @below {{contiguity = [1, 128], divisibility = [1, 4611686018427387904], constancy = [64, 1], range = [0, 127]}}
    %rowb = tile.broadcast %row : tensor<1x128xi64> -> tensor<64x128xi64>
    // expected-remark @below {{contiguity = [1, 128], divisibility = [1, 128], constancy = [1, 1]}}
    %kvo = arith.addi %rows, %rowb : tensor<64x128xi64>
    %kvs = tile.splat %kv : !tile.ptr<f16> -> tensor<64x128x!tile.ptr<f16>>
    // expected-remark @below {{contiguity = [1, 128], divisibility = [2, 16], constancy = [1, 1]}}
    %kvp = tile.addptr %kvs, %kvo : tensor<64x128x!tile.ptr<f16>>, tensor<64x128xi64>
    // expected-remark @below {{contiguity = [128, 1], divisibility = [16, 2], constancy = [1, 1]}}
    %kvt = tile.trans %kvp [1, 0] : tensor<64x128x!tile.ptr<f16>> -> tensor<128x64x!tile.ptr<f16>>
    // expected-remark @below {{contiguity = [128], divisibility = [16], constancy = [1]}}
    %flat = tile.reshape %kvp : tensor<64x128x!tile.ptr<f16>> -> tensor<8192x!tile.ptr<f16>>
    scf.yield
  }
  return
}

// -----

// Pointers that a loop carries and advances, and a value that a branch chooses.
func.func @carried(%p: !tile.ptr<f16> {tile.divisibility = 16 : i64}, %n: i32, %c: i1) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %step = arith.constant dense<32> : tensor<32xi32>
  %i = tile.arange 0 to 32 : tensor<32xi32>
  %ps = tile.splat %p : !tile.ptr<f16> -> tensor<32x!tile.ptr<f16>>
  %first = tile.addptr %ps, %i : tensor<32x!tile.ptr<f16>>, tensor<32xi32>
  // expected-remark @below {{argument 1: contiguity = [32], divisibility = [16], constancy = [1]}}
  // expected-remark @below {{argument 2: contiguity = [1], divisibility = [1], constancy = [1], range = [0, 2147483647]}}
  // expected-remark @below {{result 0: contiguity = [32], divisibility = [16], constancy = [1]}}
  %last, %count = scf.for %k = %c0 to %n step %c1 iter_args(%q = %first, %counter = %c0) -> (tensor<32x!tile.ptr<f16>>, i32) : i32 {
    %next = tile.addptr %q, %step : tensor<32x!tile.ptr<f16>>, tensor<32xi32>
    %one = arith.minsi %k, %c1 : i32
    scf.yield %next, %one : tensor<32x!tile.ptr<f16>>, i32
  }
  // expected-remark @below {{contiguity = [32], divisibility = [2], constancy = [1]}}
  %chosen = scf.if %c -> tensor<32x!tile.ptr<f16>> {
    scf.yield %last : tensor<32x!tile.ptr<f16>>
  } else {
    %ones = arith.constant dense<1> : tensor<32xi32>
    %moved = tile.addptr %last, %ones : tensor<32x!tile.ptr<f16>>, tensor<32xi32>
    scf.yield %moved : tensor<32x!tile.ptr<f16>>
  }
  // expected-remark @below {{contiguity = [1], divisibility = [4], constancy = [1]}}
  %assumed = tile.assume %n divisible_by 12 : i32
  // expected-remark @below {{contiguity = [1], divisibility = [64], constancy = [1]}}
  %w = scf.while (%x = %assumed) : (i32) -> i32 {
    %go = arith.cmpi slt, %x, %n : i32
    %c16 = arith.constant 16 : i32
    %y = arith.muli %x, %c16 : i32
    scf.condition(%go) %y : i32
  } do {
  ^bb0(%x: i32):
    scf.yield %x : i32
  }
  return
}

// -----

// What may be negative is not rounded down by a division.
func.func @negative(%n: i32) attributes {tile.kernel} {
  %c4 = arith.constant dense<4> : tensor<16xi32>
  %i = tile.arange -8 to 8 : tensor<16xi32>
  // expected-remark @below {{constancy = [1]}}
  %q = arith.divsi %i, %c4 : tensor<16xi32>
  // expected-remark @below {{contiguity = [1]}}
  %r = arith.remsi %i, %c4 : tensor<16xi32>
  %c2 = arith.constant dense<2> : tensor<16xi32>
  // expected-remark @below {{constancy = [4], range = [-2, 1]}}
  %s = arith.shrsi %i, %c2 : tensor<16xi32>
  %c3 = arith.constant dense<3> : tensor<16xi32>
  // expected-remark @below {{contiguity = [4], divisibility = [4], constancy = [1], range = [0, 3]}}
  %m = arith.andi %i, %c3 : tensor<16xi32>
  %c-4 = arith.constant dense<-4> : tensor<16xi32>
  // expected-remark @below {{contiguity = [1], divisibility = [4], constancy = [4]}}
  %k = arith.andi %i, %c-4 : tensor<16xi32>
  return
}

// -----

// A run that may wrap is cut where it does not; address arithmetic assumes that offsets do not wrap.
func.func @wrap(%p: !tile.ptr<i8>, %n: i32) attributes {tile.kernel} {
  %i = tile.arange 0 to 16 : tensor<16xi32>
  %ns = tile.splat %n : i32 -> tensor<16xi32>
  // expected-remark @below {{contiguity = [16], divisibility = [1], constancy = [1]}}
  %x = arith.addi %ns, %i : tensor<16xi32>
  // expected-remark @below {{contiguity = [1], divisibility = [1], constancy = [1], range = [-2147483648, 2147483647]}}
  %wide = arith.extsi %x : tensor<16xi32> to tensor<16xi64>
  %ps = tile.splat %p : !tile.ptr<i8> -> tensor<16x!tile.ptr<i8>>
  // expected-remark @below {{contiguity = [16], divisibility = [1], constancy = [1]}}
  %a = tile.addptr %ps, %x : tensor<16x!tile.ptr<i8>>, tensor<16xi32>
  return
}

// -----

// Reductions keep what is constant along the other axes, scans too; constants are read element by element.
func.func @others(%x: f32) attributes {tile.kernel} {
  // expected-remark @below {{contiguity = [2], divisibility = [4], constancy = [1], range = [4, 21]}}
  %c = arith.constant dense<[4, 5, 8, 9, 16, 17, 20, 21]> : tensor<8xi32>
  %col = tile.expand_dims %c axis 1 : tensor<8xi32> -> tensor<8x1xi32>
  %b = tile.broadcast %col : tensor<8x1xi32> -> tensor<8x4xi32>
  // expected-remark @below {{constancy = [4]}}
  %r = tile.reduce %b axis 0 : (tensor<8x4xi32>) -> tensor<4xi32> {
  ^bb0(%l: i32, %m: i32):
    %s = arith.addi %l, %m : i32
    tile.yield %s : i32
  }
  // expected-remark @below {{constancy = [1, 4]}}
  %s = tile.scan %b axis 0 : (tensor<8x4xi32>) -> tensor<8x4xi32> {
  ^bb0(%l: i32, %m: i32):
    %t = arith.addi %l, %m : i32
    tile.yield %t : i32
  }
  // expected-remark @below {{constancy = [8, 4]}}
  %f = tile.splat %x : f32 -> tensor<8x4xf32>
  // expected-remark @below {{constancy = [1, 4]}}
  %bf = arith.sitofp %b : tensor<8x4xi32> to tensor<8x4xf32>
  // expected-remark @below {{constancy = [1, 4]}}
  %g = arith.addf %f, %bf : tensor<8x4xf32>
  return
}

// -----

// Elements that move to other threads stay what they are.
#a = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>
#b = #tile_gpu.layout<register = [[32]], lane = [[1], [2], [4], [8], [16]], warp = []>
func.func @layouts() attributes {tile.kernel} {
  // expected-remark @below {{contiguity = [64], divisibility = [64], constancy = [1]}}
  %i = tile.arange 64 to 128 : tensor<64xi32, #a>
  // expected-remark @below {{contiguity = [64], divisibility = [64], constancy = [1]}}
  %j = tile_gpu.convert_layout %i : tensor<64xi32, #a> -> tensor<64xi32, #b>
  return
}
