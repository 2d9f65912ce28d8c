// RUN: kiln-opt %s -split-input-file -verify-diagnostics

func.func @powers(%x: f32) {
  // expected-error @below {{'tile.splat' op result 0 has type 'tensor<4x48xf32>': dimension 1 is 48, but tile dimensions must be powers of two}}
  %0 = tile.splat %x : f32 -> tensor<4x48xf32>
  return
}

// -----

func.func @powers(%x: tensor<0x4xf32>) {
  // expected-error @below {{'tile.trans' op operand 0 has type 'tensor<0x4xf32>': dimension 0 is 0, but tile dimensions must be powers of two}}
  %0 = tile.trans %x [1, 0] : tensor<0x4xf32> -> tensor<4x0xf32>
  return
}

// -----

func.func @rank0(%x: f32) {
  // expected-error @below {{'tile.splat' op result 0 has type 'tensor<f32>', but a tile without dimensions is written as a scalar}}
  %0 = tile.splat %x : f32 -> tensor<f32>
  return
}

// -----

func.func @dynamic(%x: f32) {
  // expected-error @below {{'tile.splat' op result #0 must be statically shaped tensor of numbers or pointers}}
  %0 = tile.splat %x : f32 -> tensor<?xf32>
  return
}

// -----

func.func @element(%x: i24) {
  // expected-error @below {{'tile.splat' op operand #0 must be number or pointer, but got 'i24'}}
  %0 = tile.splat %x : i24 -> tensor<4xi24>
  return
}

// -----

// expected-error @below {{a pointer points to i1, i8, i16, i32, i64, f8E4M3FN, f8E5M2, f16, bf16, f32 or f64, but not to 'index'}}
func.func @pointee(%p: !tile.ptr<index>) {
  return
}

// -----

func.func @arange_rank() {
  // expected-error @below {{'tile.arange' op yields a tile of rank 1, but its type is 'tensor<4x4xi32>'}}
  %0 = tile.arange 0 to 16 : tensor<4x4xi32>
  return
}

// -----

func.func @arange_empty() {
  // expected-error @below {{'tile.arange' op counts from 8 to 8, which is no element}}
  %0 = tile.arange 8 to 8 : tensor<1xi32>
  return
}

// -----

func.func @arange_length() {
  // expected-error @below {{'tile.arange' op counts from 0 to 32, which is 32 elements, but its type is 'tensor<64xi32>'}}
  %0 = tile.arange 0 to 32 : tensor<64xi32>
  return
}

// -----

func.func @arange_width() {
  // expected-error @below {{'tile.arange' op counts from 2147483640 to 2147483656, which does not fit 'i32'}}
  %0 = tile.arange 2147483640 to 2147483656 : tensor<16xi32>
  return
}

// -----

func.func @arange_type() {
  // expected-error @below {{'tile.arange' op result #0 must be ranked tensor of 32-bit signless integer or 64-bit signless integer values, but got 'tensor<16xf32>'}}
  %0 = tile.arange 0 to 16 : tensor<16xf32>
  return
}

// -----

func.func @splat_element(%x: f32) {
  // expected-error @below {{'tile.splat' op keeps the element type, but takes 'f32' and yields 'f16'}}
  %0 = tile.splat %x : f32 -> tensor<4xf16>
  return
}

// -----

func.func @expand_axis(%x: tensor<4xf32>) {
  // expected-error @below {{'tile.expand_dims' op inserts dimension 2, but a source of rank 1 takes 0 to 1}}
  %0 = tile.expand_dims %x axis 2 : tensor<4xf32> -> tensor<4x1xf32>
  return
}

// -----

func.func @expand_negative(%x: tensor<4xf32>) {
  // expected-error @below {{'tile.expand_dims' op attribute 'axis' failed to satisfy constraint: 32-bit signless integer attribute whose value is non-negative}}
  %0 = tile.expand_dims %x axis -1 : tensor<4xf32> -> tensor<4x1xf32>
  return
}

// -----

func.func @expand_shape(%x: tensor<4xf32>) {
  // expected-error @below {{'tile.expand_dims' op inserts dimension 0 into 'tensor<4xf32>', so the result must be 'tensor<1x4xf32>', but is 'tensor<4x1xf32>'}}
  %0 = tile.expand_dims %x axis 0 : tensor<4xf32> -> tensor<4x1xf32>
  return
}

// -----

func.func @expand_element(%x: tensor<4xf32>) {
  // expected-error @below {{'tile.expand_dims' op keeps the element type, but takes 'f32' and yields 'f16'}}
  %0 = tile.expand_dims %x axis 0 : tensor<4xf32> -> tensor<1x4xf16>
  return
}

// -----

func.func @broadcast_rank(%x: tensor<4xf32>) {
  // expected-error @below {{'tile.broadcast' op keeps the rank, but takes rank 1 and yields rank 2}}
  %0 = tile.broadcast %x : tensor<4xf32> -> tensor<4x4xf32>
  return
}

// -----

func.func @broadcast_size(%x: tensor<4x2xf32>) {
  // expected-error @below {{'tile.broadcast' op repeats dimensions of size 1, but dimension 1 is 2 in the source and 8 in the result}}
  %0 = tile.broadcast %x : tensor<4x2xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @broadcast_element(%x: tensor<4x1xf32>) {
  // expected-error @below {{'tile.broadcast' op keeps the element type, but takes 'f32' and yields 'f64'}}
  %0 = tile.broadcast %x : tensor<4x1xf32> -> tensor<4x8xf64>
  return
}

// -----

func.func @reshape_count(%x: tensor<4x2xf32>) {
  // expected-error @below {{'tile.reshape' op keeps the elements, but takes 8 and yields 16}}
  %0 = tile.reshape %x : tensor<4x2xf32> -> tensor<16xf32>
  return
}

// -----

func.func @reshape_element(%x: tensor<4x2xf32>) {
  // expected-error @below {{'tile.reshape' op keeps the element type, but takes 'f32' and yields 'i32'}}
  %0 = tile.reshape %x : tensor<4x2xf32> -> tensor<8xi32>
  return
}

// -----

func.func @trans_order(%x: tensor<4x2xf32>) {
  // expected-error @below {{'tile.trans' op has an order of 3 dimensions for a source of rank 2}}
  %0 = tile.trans %x [0, 1, 2] : tensor<4x2xf32> -> tensor<4x2xf32>
  return
}

// -----

func.func @trans_range(%x: tensor<4x2xf32>) {
  // expected-error @below {{'tile.trans' op order names dimension 2, but the source has rank 2}}
  %0 = tile.trans %x [0, 2] : tensor<4x2xf32> -> tensor<4x2xf32>
  return
}

// -----

func.func @trans_twice(%x: tensor<4x2xf32>) {
  // expected-error @below {{'tile.trans' op order names dimension 1 twice}}
  %0 = tile.trans %x [1, 1] : tensor<4x2xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @trans_shape(%x: tensor<4x2xf32>) {
  // expected-error @below {{'tile.trans' op permutes 'tensor<4x2xf32>', so the result must be 'tensor<2x4xf32>', but is 'tensor<4x2xf32>'}}
  %0 = tile.trans %x [1, 0] : tensor<4x2xf32> -> tensor<4x2xf32>
  return
}

// -----

func.func @trans_element(%x: tensor<4x2xf32>) {
  // expected-error @below {{'tile.trans' op keeps the element type, but takes 'f32' and yields 'f16'}}
  %0 = tile.trans %x [1, 0] : tensor<4x2xf32> -> tensor<2x4xf16>
  return
}

// -----

func.func @bitcast_shape(%x: tensor<4xf32>) {
  // expected-error @below {{'tile.bitcast' op keeps the shape, but takes 'tensor<4xf32>' and yields 'tensor<8xi32>'}}
  %0 = tile.bitcast %x : tensor<4xf32> -> tensor<8xi32>
  return
}

// -----

func.func @bitcast_scalar(%x: tensor<1xf32>) {
  // expected-error @below {{'tile.bitcast' op keeps the shape, but takes 'tensor<1xf32>' and yields 'i32'}}
  %0 = tile.bitcast %x : tensor<1xf32> -> i32
  return
}

// -----

func.func @bitcast_pointer(%x: i64) {
  // expected-error @below {{'tile.bitcast' op does not turn 'i64' into '!tile.ptr<f32>': pointers and numbers do not mix}}
  %0 = tile.bitcast %x : i64 -> !tile.ptr<f32>
  return
}

// -----

func.func @bitcast_width(%x: tensor<4xf32>) {
  // expected-error @below {{'tile.bitcast' op keeps the bits, but 'f32' has 32 of them and 'f16' has 16}}
  %0 = tile.bitcast %x : tensor<4xf32> -> tensor<4xf16>
  return
}
