// RUN: kiln-opt %s -split-input-file -verify-diagnostics

func.func private @gelu(f32) -> f32

func.func @shape(%x: tensor<64xf32>) {
  // expected-error @below {{'tile.extern_call' op works element by element, but argument 0 is 'tensor<64xf32>' and the result is 'f32'}}
  %0 = tile.extern_call @gelu(%x) : (tensor<64xf32>) -> f32
  return
}

// -----

func.func private @note(f32, f32)

func.func @arguments(%x: tensor<64xf32>, %y: tensor<32xf32>) {
  // expected-error @below {{'tile.extern_call' op works element by element, but argument 1 is 'tensor<32xf32>' and argument 0 is 'tensor<64xf32>'}}
  tile.extern_call @note(%x, %y) : (tensor<64xf32>, tensor<32xf32>) -> ()
  return
}

// -----

func.func private @split(f32) -> (f32, i32)

func.func @results(%x: tensor<64xf32>) {
  // expected-error @below {{'tile.extern_call' op works element by element, but result 1 is 'tensor<32xi32>' and result 0 is 'tensor<64xf32>'}}
  %0:2 = tile.extern_call @split(%x) : (tensor<64xf32>) -> (tensor<64xf32>, tensor<32xi32>)
  return
}

// -----

// expected-error @below {{'func.func' op has attribute 'tile.digest', which only a func.func without a body may carry}}
func.func @body() attributes {tile.digest = "0123"} {
  return
}

// -----

// expected-error @below {{'func.func' op attribute 'tile.digest' must be a string, but is 1 : i32}}
func.func private @number() attributes {tile.digest = 1 : i32}

// -----

func.func @missing(%x: f32) {
  // expected-error @below {{'tile.extern_call' op calls 'gelu', which is not a function of this module}}
  %0 = tile.extern_call @gelu(%x) : (f32) -> f32
  return
}

// -----

func.func private @gelu(f32) -> f32

func.func @signature(%x: tensor<4xf16>) {
  // expected-error @below {{'tile.extern_call' op calls 'gelu' as '(f16) -> f16', but it is '(f32) -> f32'}}
  %0 = tile.extern_call @gelu(%x) : (tensor<4xf16>) -> tensor<4xf16>
  return
}

// -----

func.func @assume_type(%x: f32) {
  // expected-error @below {{'tile.assume' op speaks of integers and pointers, but its operand is 'f32'}}
  %0 = tile.assume %x divisible_by 8 : f32
  return
}

// -----

func.func @assume_divisor(%x: i32) {
  // expected-error @below {{'tile.assume' op attribute 'divisor' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %0 = tile.assume %x divisible_by 0 : i32
  return
}

// -----

func.func @assert_type(%x: i32) {
  // expected-error @below {{'tile.assert' op operand #0 must be i1 or tensor of i1, but got 'i32'}}
  tile.assert %x, "positive" : i32
  return
}

// -----

func.func @print_types(%x: i32) {
  // expected-error @below {{'tile.print' op has 1 values, but types of 2}}
  tile.print "x", %x : i32 {types = [i8, i8]}
  return
}
