// RUN: kiln-opt %s -split-input-file -verify-diagnostics

func.func @addptr_shape(%p: tensor<64x!tile.ptr<f32>>, %i: tensor<32xi32>) {
  // expected-error @below {{'tile.addptr' op moves each pointer by its own offset, but the base is 'tensor<64x!tile.ptr<f32>>' and the offset is 'tensor<32xi32>'}}
  %0 = tile.addptr %p, %i : tensor<64x!tile.ptr<f32>>, tensor<32xi32>
  return
}

// -----

func.func @addptr_scalar(%p: tensor<64x!tile.ptr<f32>>, %i: i32) {
  // expected-error @below {{'tile.addptr' op moves each pointer by its own offset, but the base is 'tensor<64x!tile.ptr<f32>>' and the offset is 'i32'}}
  %0 = tile.addptr %p, %i : tensor<64x!tile.ptr<f32>>, i32
  return
}

// -----

func.func @addptr_offset(%p: !tile.ptr<f32>, %i: i16) {
  // expected-error @below {{'tile.addptr' op operand #1 must be i32, i64 or tensor of them, but got 'i16'}}
  %0 = tile.addptr %p, %i : !tile.ptr<f32>, i16
  return
}

// -----

func.func @addptr_base(%x: f32, %i: i32) {
  // expected-error @below {{'tile.addptr' op operand #0 must be pointer or tensor of pointers, but got 'f32'}}
  %0 = tile.addptr %x, %i : f32, i32
  return
}

// -----

func.func @load_type(%p: tensor<64xf32>) {
  // expected-error @below {{expected a pointer or a tensor of pointers, but found 'tensor<64xf32>'}}
  %0 = tile.load %p : tensor<64xf32> -> tensor<64xf32>
  return
}

// -----

func.func @load_result(%p: tensor<64x!tile.ptr<f32>>) {
  // expected-error @below {{'tile.load' op result of an access through 'tensor<64x!tile.ptr<f32>>' must be 'tensor<64xf32>', but is 'tensor<64xf16>'}}
  %0 = tile.load %p : tensor<64x!tile.ptr<f32>> -> tensor<64xf16>
  return
}

// -----

func.func @load_mask(%p: tensor<64x!tile.ptr<f32>>, %m: tensor<32xi1>) {
  // expected-error @below {{'tile.load' op mask of an access through 'tensor<64x!tile.ptr<f32>>' must be 'tensor<64xi1>', but is 'tensor<32xi1>'}}
  %0 = "tile.load"(%p, %m) <{operandSegmentSizes = array<i32: 1, 1, 0>}> : (tensor<64x!tile.ptr<f32>>, tensor<32xi1>) -> tensor<64xf32>
  return
}

// -----

func.func @load_other(%p: tensor<64x!tile.ptr<f32>>, %m: tensor<64xi1>, %o: f32) {
  // expected-error @below {{'tile.load' op 'other' of an access through 'tensor<64x!tile.ptr<f32>>' must be 'tensor<64xf32>', but is 'f32'}}
  %0 = "tile.load"(%p, %m, %o) <{operandSegmentSizes = array<i32: 1, 1, 1>}> : (tensor<64x!tile.ptr<f32>>, tensor<64xi1>, f32) -> tensor<64xf32>
  return
}

// -----

func.func @load_other_without_mask(%p: tensor<64x!tile.ptr<f32>>, %o: tensor<64xf32>) {
  // expected-error @below {{'tile.load' op has 'other' but no mask, so nothing would ever yield it}}
  %0 = tile.load %p other %o : tensor<64x!tile.ptr<f32>> -> tensor<64xf32>
  return
}

// -----

func.func @store_value(%p: tensor<64x!tile.ptr<f32>>, %v: f32) {
  // expected-error @below {{'tile.store' op value of an access through 'tensor<64x!tile.ptr<f32>>' must be 'tensor<64xf32>', but is 'f32'}}
  "tile.store"(%p, %v) : (tensor<64x!tile.ptr<f32>>, f32) -> ()
  return
}

// -----

func.func @store_mask(%p: !tile.ptr<f32>, %v: f32, %m: tensor<1xi1>) {
  // expected-error @below {{'tile.store' op mask of an access through '!tile.ptr<f32>' must be 'i1', but is 'tensor<1xi1>'}}
  "tile.store"(%p, %v, %m) : (!tile.ptr<f32>, f32, tensor<1xi1>) -> ()
  return
}

// -----

func.func @store_type(%p: i32, %v: f32) {
  // expected-error @below {{expected a pointer or a tensor of pointers, but found 'i32'}}
  tile.store %p, %v : i32
  return
}

// -----


func.func @store_readonly(%n: i32, %p: !tile.ptr<f32> {tile.readonly}) attributes {tile.kernel} {
  %q = tile.addptr %p, %n : !tile.ptr<f32>, i32
  %s = tile.splat %q : !tile.ptr<f32> -> tensor<4x!tile.ptr<f32>>
  %v = arith.constant dense<0.0> : tensor<4xf32>
  // expected-error @below {{'tile.store' op writes through argument 1 of the kernel, which is marked 'tile.readonly'}}
  tile.store %s, %v : tensor<4x!tile.ptr<f32>>
  return
}

// -----

func.func @store_readonly_select(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>, %c: i1, %v: f32) attributes {tile.kernel} {
  %s = arith.select %c, %q, %p : !tile.ptr<f32>
  // expected-error @below {{'tile.store' op writes through argument 0 of the kernel, which is marked 'tile.readonly'}}
  tile.store %s, %v : !tile.ptr<f32>
  return
}

// -----

func.func @store_readonly_if(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>, %c: i1, %v: f32) attributes {tile.kernel} {
  %s = scf.if %c -> !tile.ptr<f32> {
    scf.yield %q : !tile.ptr<f32>
  } else {
    scf.yield %p : !tile.ptr<f32>
  }
  // expected-error @below {{'tile.store' op writes through argument 0 of the kernel, which is marked 'tile.readonly'}}
  tile.store %s, %v : !tile.ptr<f32>
  return
}

// -----

func.func @store_readonly_for(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>, %n: i32, %v: f32) attributes {tile.kernel} {
  %s = scf.for %i = %n to %n step %n iter_args(%r = %q) -> !tile.ptr<f32> : i32 {
    %next = tile.addptr %p, %i : !tile.ptr<f32>, i32
    scf.yield %next : !tile.ptr<f32>
  }
  // expected-error @below {{'tile.store' op writes through argument 0 of the kernel, which is marked 'tile.readonly'}}
  tile.store %s, %v : !tile.ptr<f32>
  return
}

// -----

func.func @store_readonly_for_body(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>, %n: i32, %v: f32) attributes {tile.kernel} {
  %s = scf.for %i = %n to %n step %n iter_args(%r = %q) -> !tile.ptr<f32> : i32 {
    // expected-error @below {{'tile.store' op writes through argument 0 of the kernel, which is marked 'tile.readonly'}}
    tile.store %r, %v : !tile.ptr<f32>
    %next = tile.addptr %p, %i : !tile.ptr<f32>, i32
    scf.yield %next : !tile.ptr<f32>
  }
  return
}

// -----

func.func @store_readonly_while(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>, %c: i1, %v: f32) attributes {tile.kernel} {
  %s = scf.while (%r = %p) : (!tile.ptr<f32>) -> !tile.ptr<f32> {
    scf.condition(%c) %r : !tile.ptr<f32>
  } do {
  ^bb0(%in: !tile.ptr<f32>):
    // expected-error @below {{'tile.store' op writes through argument 0 of the kernel, which is marked 'tile.readonly'}}
    tile.store %in, %v : !tile.ptr<f32>
    scf.yield %q : !tile.ptr<f32>
  }
  return
}

// -----

// A store in a loop that is invalid itself.
func.func @store_in_invalid_loop(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>, %n: i32, %v: f32) attributes {tile.kernel} {
  // expected-error @below {{region branch point has 0 operands, but region successor needs 1 inputs}}
  %s = "scf.for"(%n, %n, %n, %q) ({
  ^bb0(%i: i32, %r: !tile.ptr<f32>):
    tile.store %r, %v : !tile.ptr<f32>
    // expected-note @below {{region branch point}}
    "scf.yield"() : () -> ()
  }) : (i32, i32, i32, !tile.ptr<f32>) -> !tile.ptr<f32>
  return
}

// -----

func.func @rmw_readonly(%p: !tile.ptr<i32> {tile.readonly}, %v: i32) attributes {tile.kernel} {
  // expected-error @below {{'tile.atomic_rmw' op writes through argument 0 of the kernel, which is marked 'tile.readonly'}}
  %0 = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i32
  return
}

// -----

func.func @cas_readonly(%p: !tile.ptr<i32> {tile.readonly}, %v: i32) attributes {tile.kernel} {
  // expected-error @below {{'tile.atomic_cas' op writes through argument 0 of the kernel, which is marked 'tile.readonly'}}
  %0 = tile.atomic_cas relaxed device %p, %v, %v : !tile.ptr<i32> -> i32
  return
}

// -----

func.func @rmw_value(%p: !tile.ptr<i32>, %v: i64) {
  // expected-error @below {{'tile.atomic_rmw' op value of an access through '!tile.ptr<i32>' must be 'i32', but is 'i64'}}
  %0 = tile.atomic_rmw add relaxed device %p, %v : !tile.ptr<i32> -> i64
  return
}

// -----

func.func @rmw_result(%p: !tile.ptr<i32>, %v: i32) {
  // expected-error @below {{'tile.atomic_rmw' op result of an access through '!tile.ptr<i32>' must be 'i32', but is 'i64'}}
  %0 = "tile.atomic_rmw"(%p, %v) <{kind = 0 : i32, order = 0 : i32, scope = 0 : i32}> : (!tile.ptr<i32>, i32) -> i64
  return
}

// -----

func.func @rmw_mask(%p: !tile.ptr<i32>, %v: i32, %m: tensor<4xi1>) {
  // expected-error @below {{'tile.atomic_rmw' op mask of an access through '!tile.ptr<i32>' must be 'i1', but is 'tensor<4xi1>'}}
  %0 = "tile.atomic_rmw"(%p, %v, %m) <{kind = 0 : i32, order = 0 : i32, scope = 0 : i32}> : (!tile.ptr<i32>, i32, tensor<4xi1>) -> i32
  return
}

// -----

func.func @rmw_fadd(%p: !tile.ptr<i32>, %v: i32) {
  // expected-error @below {{'tile.atomic_rmw' op 'fadd' works on f16, bf16, f32 and f64, but not on 'i32'}}
  %0 = tile.atomic_rmw fadd relaxed device %p, %v : !tile.ptr<i32> -> i32
  return
}

// -----

func.func @rmw_xchg(%p: !tile.ptr<f16>, %v: f16) {
  // expected-error @below {{'tile.atomic_rmw' op 'xchg' works on i32, i64, f32 and f64, but not on 'f16'}}
  %0 = tile.atomic_rmw xchg relaxed device %p, %v : !tile.ptr<f16> -> f16
  return
}

// -----

func.func @rmw_max(%p: !tile.ptr<f32>, %v: f32) {
  // expected-error @below {{'tile.atomic_rmw' op 'max' works on i32 and i64, but not on 'f32'}}
  %0 = tile.atomic_rmw max relaxed device %p, %v : !tile.ptr<f32> -> f32
  return
}

// -----

func.func @rmw_kind(%p: !tile.ptr<i32>, %v: i32) {
  // expected-error @below {{expected string or keyword containing one of the following enum values for attribute 'kind' [add, fadd, max, min, and, or, xor, xchg]}}
  %0 = tile.atomic_rmw sub relaxed device %p, %v : !tile.ptr<i32> -> i32
  return
}

// -----

func.func @cas_compare(%p: !tile.ptr<i32>, %c: i64, %v: i32) {
  // expected-error @below {{'tile.atomic_cas' op comparand of an access through '!tile.ptr<i32>' must be 'i32', but is 'i64'}}
  %0 = "tile.atomic_cas"(%p, %c, %v) <{order = 0 : i32, scope = 0 : i32}> : (!tile.ptr<i32>, i64, i32) -> i32
  return
}

// -----

func.func @cas_value(%p: !tile.ptr<i32>, %c: i32, %v: i64) {
  // expected-error @below {{'tile.atomic_cas' op value of an access through '!tile.ptr<i32>' must be 'i32', but is 'i64'}}
  %0 = "tile.atomic_cas"(%p, %c, %v) <{order = 0 : i32, scope = 0 : i32}> : (!tile.ptr<i32>, i32, i64) -> i32
  return
}

// -----

func.func @cas_result(%p: !tile.ptr<i32>, %c: i32) {
  // expected-error @below {{'tile.atomic_cas' op result of an access through '!tile.ptr<i32>' must be 'i32', but is 'i64'}}
  %0 = "tile.atomic_cas"(%p, %c, %c) <{order = 0 : i32, scope = 0 : i32}> : (!tile.ptr<i32>, i32, i32) -> i64
  return
}

// -----

func.func @cas_type(%p: !tile.ptr<f32>, %c: f32) {
  // expected-error @below {{'tile.atomic_cas' op works on i32 and i64, but not on 'f32'; bit-cast the pointer and the values}}
  %0 = tile.atomic_cas relaxed device %p, %c, %c : !tile.ptr<f32> -> f32
  return
}
