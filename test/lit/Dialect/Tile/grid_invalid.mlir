// RUN: kiln-opt %s -split-input-file -verify-diagnostics

func.func @axis() {
  // expected-error @below {{attribute 'axis' failed to satisfy constraint: 32-bit signless integer attribute whose minimum value is 0 whose maximum value is 2}}
  %0 = tile.program_id 3 : i32
  return
}

// -----

func.func @axis() {
  // expected-error @below {{attribute 'axis' failed to satisfy constraint: 32-bit signless integer attribute whose minimum value is 0 whose maximum value is 2}}
  %0 = tile.num_programs -1 : i32
  return
}

// -----

// expected-error @below {{'func.func' op is a kernel, so it must have a body}}
func.func private @kernel() attributes {tile.kernel}

// -----

// expected-error @below {{'func.func' op is a kernel, so it must not return anything, but it returns 1 value(s)}}
func.func @kernel(%x: i32) -> i32 attributes {tile.kernel} {
  return %x : i32
}

// -----

// expected-error @below {{'func.func' op is a kernel, so its arguments must be numbers or pointers, but argument 1 is 'tensor<4xf32>'}}
func.func @kernel(%x: i32, %y: tensor<4xf32>) attributes {tile.kernel} {
  return
}

// -----

// expected-error @below {{'func.func' op is a kernel, so its arguments must be numbers or pointers, but argument 0 is 'i24'}}
func.func @kernel(%x: i24) attributes {tile.kernel} {
  return
}

// -----

// expected-error @below {{'func.func' op attribute 'tile.kernel' must be a unit attribute, but is true}}
func.func @kernel() attributes {tile.kernel = true} {
  return
}

// -----

// expected-error @below {{'builtin.module' op has attribute 'tile.kernel', which only a func.func may carry}}
module attributes {tile.kernel} {
}

// -----

// expected-error @below {{'func.func' op has attribute 'tile.num_warps', which only a kernel may carry}}
func.func @helper() attributes {tile.num_warps = 4 : i32} {
  return
}

// -----

// expected-error @below {{'func.func' op attribute 'tile.num_warps' must be a positive i32, but is 0 : i32}}
func.func @kernel() attributes {tile.kernel, tile.num_warps = 0 : i32} {
  return
}

// -----

func.func @kernel(%x: i32) attributes {tile.kernel} {
  // expected-error @below {{'arith.addi' op has attribute 'tile.num_stages', which only a loop may carry}}
  %y = arith.addi %x, %x {tile.num_stages = 2 : i32} : i32
  return
}

// -----

func.func @kernel(%n: i32) attributes {tile.kernel} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  // expected-error @below {{'scf.for' op attribute 'tile.num_stages' must be a positive i32, but is 2 : i64}}
  scf.for %i = %c0 to %n step %c1 : i32 {
  } {tile.num_stages = 2 : i64}
  return
}

// -----

// expected-error @below {{'func.func' op has attribute 'tile.readonly', which belongs on an argument of a kernel}}
func.func @kernel() attributes {tile.kernel, tile.readonly} {
  return
}

// -----

// expected-error @below {{'func.func' op has the unknown attribute 'tile.num_wraps'}}
func.func @kernel() attributes {tile.kernel, tile.num_wraps = 4 : i32} {
  return
}

// -----

// expected-error @below {{'func.func' op has attribute 'tile.readonly' on argument 0, which only an argument of a kernel may carry}}
func.func @helper(%p: !tile.ptr<f32> {tile.readonly}) {
  return
}

// -----

// expected-error @below {{'func.func' op attribute 'tile.readonly' of argument 0 must be a unit attribute, but is true}}
func.func @kernel(%p: !tile.ptr<f32> {tile.readonly = true}) attributes {tile.kernel} {
  return
}

// -----

// expected-error @below {{'func.func' op attribute 'tile.readonly' belongs on pointers, but argument 1 is 'i32'}}
func.func @kernel(%p: !tile.ptr<f32>, %n: i32 {tile.readonly}) attributes {tile.kernel} {
  return
}

// -----

// expected-error @below {{'func.func' op attribute 'tile.divisibility' of argument 0 must be a positive i64, but is 16 : i32}}
func.func @kernel(%p: !tile.ptr<f32> {tile.divisibility = 16 : i32}) attributes {tile.kernel} {
  return
}

// -----

// expected-error @below {{'func.func' op attribute 'tile.divisibility' of argument 0 must be a positive i64, but is -8 : i64}}
func.func @kernel(%p: !tile.ptr<f32> {tile.divisibility = -8 : i64}) attributes {tile.kernel} {
  return
}

// -----

// expected-error @below {{'func.func' op attribute 'tile.divisibility' belongs on pointers and integers, but argument 0 is 'f32'}}
func.func @kernel(%x: f32 {tile.divisibility = 8 : i64}) attributes {tile.kernel} {
  return
}

// -----

// expected-error @below {{'func.func' op has the unknown attribute 'tile.writeonly' on argument 0}}
func.func @kernel(%p: !tile.ptr<f32> {tile.writeonly}) attributes {tile.kernel} {
  return
}
