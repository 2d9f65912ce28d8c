// RUN: kiln-opt %s -split-input-file -verify-diagnostics

func.func @name() {
  // expected-error @below {{names 'tid.w', which is no machine operation}}
  %0 = tile_gpu.machine "tid.w"() : () -> i32
  return
}

// -----

func.func @operands(%p: i32) {
  // expected-error @below {{'ld.global.b32' takes (i64), but is given (i32)}}
  %0 = tile_gpu.machine "ld.global.b32"(%p) : (i32) -> i32
  return
}

// -----

func.func @results(%p: i64) {
  // expected-error @below {{'ld.global.v2.b32' yields (i32, i32), not (i32)}}
  %0 = tile_gpu.machine "ld.global.v2.b32"(%p) : (i64) -> i32
  return
}

// -----

func.func @printed(%x: f32) {
  // expected-error @below {{'vprintf' prints i32, i64 and f64, but has an operand of type 'f32'}}
  tile_gpu.machine "vprintf"(%x) {format = "%f"} : (f32) -> ()
  return
}

// -----

func.func @exchanged(%i: i32) {
  // expected-error @below {{'exchange.sent' takes pairs of i32 and i64, but is given (i32)}}
  tile_gpu.machine "exchange.sent"(%i) {exchange = "warp 0"} : (i32) -> ()
  return
}

// -----

func.func @exchange(%i: i32, %x: i64) {
  // expected-error @below {{'exchange.received' needs the string attribute 'exchange'}}
  tile_gpu.machine "exchange.received"(%i, %x) : (i32, i64) -> ()
  return
}

// -----

func.func @format(%x: i32) {
  // expected-error @below {{'vprintf' needs the string attribute 'format'}}
  tile_gpu.machine "vprintf"(%x) : (i32) -> ()
  return
}

// -----

func.func @message() {
  // expected-error @below {{'__assertfail' needs the string attribute 'message'}}
  tile_gpu.machine "__assertfail"() : () -> ()
  return
}

// -----

func.func @line() {
  // expected-error @below {{'__assertfail' needs the integer attribute 'line'}}
  tile_gpu.machine "__assertfail"() {message = "m", file = "f", function = "g"} : () -> ()
  return
}

// -----

func.func @kernel(%i: i64) {
  // expected-error @below {{'__assertfail' takes the i32 index of an element, but has an operand of type 'i64'}}
  tile_gpu.machine "__assertfail"(%i) {message = "m", file = "f", line = 1 : i32, function = "g"} : (i64) -> ()
  return
}
