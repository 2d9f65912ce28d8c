// RUN: kiln-opt %s -split-input-file -verify-diagnostics

func.func @dot_rank(%a: tensor<16xf32>, %c: tensor<16x16xf32>) {
  // expected-error @below {{'tile.dot' op multiplies matrices, but a is 'tensor<16xf32>'}}
  %0 = tile.dot %a, %c, %c : tensor<16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
  return
}

// -----

func.func @dot_k(%a: tensor<16x64xf16>, %b: tensor<32x16xf16>, %c: tensor<16x16xf32>) {
  // expected-error @below {{'tile.dot' op contracts the columns of a with the rows of b, but a has 64 columns and b has 32 rows}}
  %0 = tile.dot %a, %b, %c : tensor<16x64xf16>, tensor<32x16xf16> -> tensor<16x16xf32>
  return
}

// -----

func.func @dot_shape(%a: tensor<16x64xf16>, %b: tensor<64x32xf16>, %c: tensor<16x16xf32>) {
  // expected-error @below {{'tile.dot' op of 'tensor<16x64xf16>' and 'tensor<64x32xf16>' is 16x32, but c is 'tensor<16x16xf32>'}}
  %0 = tile.dot %a, %b, %c : tensor<16x64xf16>, tensor<64x32xf16> -> tensor<16x16xf32>
  return
}

// -----

func.func @dot_mixed(%a: tensor<16x16xf16>, %b: tensor<16x16xbf16>, %c: tensor<16x16xf32>) {
  // expected-error @below {{'tile.dot' op multiplies elements of one type, but a has 'f16' and b has 'bf16'}}
  %0 = tile.dot %a, %b, %c : tensor<16x16xf16>, tensor<16x16xbf16> -> tensor<16x16xf32>
  return
}

// -----

func.func @dot_type(%a: tensor<16x16xi16>, %c: tensor<16x16xi32>) {
  // expected-error @below {{'tile.dot' op multiplies i8, f8E4M3FN, f8E5M2, f16, bf16, f32 and f64, but not 'i16'}}
  %0 = tile.dot %a, %a, %c : tensor<16x16xi16>, tensor<16x16xi16> -> tensor<16x16xi32>
  return
}

// -----

func.func @dot_accumulator(%a: tensor<16x16xf16>) {
  // expected-error @below {{'tile.dot' op of 'f16' sums in 'f32', but c has 'f16'}}
  %0 = tile.dot %a, %a, %a : tensor<16x16xf16>, tensor<16x16xf16> -> tensor<16x16xf16>
  return
}

// -----

func.func @dot_precision(%a: tensor<16x16xf64>) {
  // expected-error @below {{'tile.dot' op has precision 'tf32', which is for f32, but multiplies 'f64'}}
  %0 = tile.dot %a, %a, %a tf32 : tensor<16x16xf64>, tensor<16x16xf64> -> tensor<16x16xf64>
  return
}

// -----

func.func @dot_result(%a: tensor<16x16xf64>, %c: tensor<16x16xf32>) {
  // expected-error @below {{'tile.dot' op failed to verify that all of {c, result} have same type}}
  %0 = "tile.dot"(%a, %a, %a) : (tensor<16x16xf64>, tensor<16x16xf64>, tensor<16x16xf64>) -> tensor<16x16xf32>
  return
}

// -----

func.func @reduce_nothing() {
  // expected-error @below {{'tile.reduce' op needs at least one source}}
  "tile.reduce"() <{axis = 0 : i32}> ({
    tile.yield
  }) : () -> ()
  return
}

// -----

func.func @reduce_shapes(%x: tensor<4x8xf32>, %y: tensor<8xi32>) {
  // expected-error @below {{'tile.reduce' op takes sources of one shape, but source 0 is 'tensor<4x8xf32>' and source 1 is 'tensor<8xi32>'}}
  %0:2 = tile.reduce %x, %y axis 0 : (tensor<4x8xf32>, tensor<8xi32>) -> (tensor<8xf32>, i32) {
  ^bb0(%a: f32, %ai: i32, %b: f32, %bi: i32):
    tile.yield %a, %ai : f32, i32
  }
  return
}

// -----

func.func @reduce_axis(%x: tensor<4x8xf32>) {
  // expected-error @below {{'tile.reduce' op works along axis 2, but its sources have rank 2}}
  %0 = tile.reduce %x axis 2 : (tensor<4x8xf32>) -> tensor<4xf32> {
  ^bb0(%a: f32, %b: f32):
    tile.yield %a : f32
  }
  return
}

// -----

func.func @reduce_results(%x: tensor<4x8xf32>) {
  // expected-error @below {{'tile.reduce' op has 1 source(s), but 2 result(s)}}
  %0:2 = tile.reduce %x axis 1 : (tensor<4x8xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    tile.yield %a : f32
  }
  return
}

// -----

func.func @reduce_result(%x: tensor<4x8xf32>) {
  // expected-error @below {{'tile.reduce' op result 0 must be 'tensor<4xf32>', but is 'tensor<8xf32>'}}
  %0 = tile.reduce %x axis 1 : (tensor<4x8xf32>) -> tensor<8xf32> {
  ^bb0(%a: f32, %b: f32):
    tile.yield %a : f32
  }
  return
}

// -----

func.func @reduce_scalar(%x: tensor<8xf32>) {
  // expected-error @below {{'tile.reduce' op result 0 must be 'f32', but is 'tensor<1xf32>'}}
  %0 = tile.reduce %x axis 0 : (tensor<8xf32>) -> tensor<1xf32> {
  ^bb0(%a: f32, %b: f32):
    tile.yield %a : f32
  }
  return
}

// -----

func.func @combiner_arguments(%x: tensor<8xf32>) {
  // expected-error @below {{'tile.reduce' op combines 1 source(s), so its combiner must take 2 arguments, but takes 1}}
  %0 = tile.reduce %x axis 0 : (tensor<8xf32>) -> f32 {
  ^bb0(%a: f32):
    tile.yield %a : f32
  }
  return
}

// -----

func.func @combiner_argument(%x: tensor<8xf32>) {
  // expected-error @below {{'tile.reduce' op argument 1 of the combiner must be 'f32', but is 'f16'}}
  %0 = tile.reduce %x axis 0 : (tensor<8xf32>) -> f32 {
  ^bb0(%a: f32, %b: f16):
    tile.yield %a : f32
  }
  return
}

// -----

func.func @combiner_terminator(%x: tensor<8xf32>) {
  // expected-error @below {{'tile.reduce' op combiner must end in 'tile.yield', but ends in 'llvm.unreachable'}}
  %0 = tile.reduce %x axis 0 : (tensor<8xf32>) -> f32 {
  ^bb0(%a: f32, %b: f32):
    llvm.unreachable
  }
  return
}

// -----

func.func @combiner_yield(%x: tensor<8xf32>) {
  %0 = tile.reduce %x axis 0 : (tensor<8xf32>) -> f32 {
  ^bb0(%a: f32, %b: f32):
    // expected-error @below {{'tile.yield' op must yield 1 value(s), but yields 2}}
    tile.yield %a, %b : f32, f32
  }
  return
}

// -----

func.func @combiner_yield_type(%x: tensor<8xf32>) {
  %0 = tile.reduce %x axis 0 : (tensor<8xf32>) -> f32 {
  ^bb0(%a: f32, %b: f32):
    %c = arith.truncf %a : f32 to f16
    // expected-error @below {{'tile.yield' op value 0 must be 'f32', but is 'f16'}}
    tile.yield %c : f16
  }
  return
}

// -----

func.func @combiner_tile(%x: tensor<8xi32>) {
  %0 = tile.reduce %x axis 0 : (tensor<8xi32>) -> i32 {
  ^bb0(%a: i32, %b: i32):
    // expected-error @below {{'tile.program_id' op is not allowed in a combiner, which holds arithmetic on scalars only}}
    %c = tile.program_id 0 : i32
    tile.yield %c : i32
  }
  return
}

// -----

func.func private @effect()

func.func @combiner_effect(%x: tensor<8xi32>) {
  %0 = tile.scan %x axis 0 : (tensor<8xi32>) -> tensor<8xi32> {
  ^bb0(%a: i32, %b: i32):
    // expected-error @below {{'func.call' op is not allowed in a combiner, which holds arithmetic on scalars only}}
    func.call @effect() : () -> ()
    tile.yield %a : i32
  }
  return
}

// -----

func.func @combiner_tensor(%x: tensor<8xi32>) {
  %0 = tile.scan %x axis 0 : (tensor<8xi32>) -> tensor<8xi32> {
  ^bb0(%a: i32, %b: i32):
    // expected-error @below {{'arith.constant' op yields 'tensor<4xi32>' in a combiner, which holds arithmetic on scalars only}}
    %c = arith.constant dense<0> : tensor<4xi32>
    tile.yield %a : i32
  }
  return
}

// -----

func.func @combiner_capture(%x: tensor<8xi32>, %n: i32) {
  // expected-note @below {{required by region isolation constraints}}
  %0 = tile.reduce %x axis 0 : (tensor<8xi32>) -> i32 {
  ^bb0(%a: i32, %b: i32):
    // expected-error @below {{'arith.addi' op using value defined outside the region}}
    %c = arith.addi %a, %n : i32
    tile.yield %c : i32
  }
  return
}

// -----

func.func @scan_axis(%x: tensor<8xi32>) {
  // expected-error @below {{'tile.scan' op works along axis 1, but its sources have rank 1}}
  %0 = tile.scan %x axis 1 : (tensor<8xi32>) -> tensor<8xi32> {
  ^bb0(%a: i32, %b: i32):
    tile.yield %a : i32
  }
  return
}

// -----

func.func @scan_result(%x: tensor<8xi32>) {
  // expected-error @below {{'tile.scan' op result 0 must be 'tensor<8xi32>', but is 'tensor<8xi64>'}}
  %0 = tile.scan %x axis 0 : (tensor<8xi32>) -> tensor<8xi64> {
  ^bb0(%a: i32, %b: i32):
    tile.yield %a : i32
  }
  return
}

// -----

func.func @yield_parent(%x: i32) {
  // expected-error @below {{'tile.yield' op expects parent op to be one of 'tile.reduce, tile.scan'}}
  tile.yield %x : i32
}
