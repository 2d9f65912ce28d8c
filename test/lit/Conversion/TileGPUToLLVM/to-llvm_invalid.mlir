// What the backend could not select is refused, each operation by its name.
// RUN: kiln-opt %s --tile-gpu-to-llvm=capability=80 -split-input-file -verify-diagnostics -allow-unregistered-dialect

func.func @later(%x: f32) -> i16 {
  // expected-error @below {{'cvt.rn.satfinite.e4m3x2.f32' needs sm_89 or later, but the target is sm_80}}
  %0 = tile_gpu.machine "cvt.rn.satfinite.e4m3x2.f32"(%x, %x) : (f32, f32) -> i16
  return %0 : i16
}

// -----

func.func @expanded_before(%x: f32) -> f32 {
  // expected-error @below {{'math.exp' op of type 'f32' has no instruction on a GPU}}
  %0 = math.exp %x : f32
  return %0 : f32
}

// -----

func.func @libdevice(%x: f64) -> f64 {
  // expected-error @below {{'math.exp' op of type 'f64' needs NVIDIA's libdevice, which was not found; CUDA_HOME says where the CUDA toolkit is}}
  %0 = math.exp %x : f64
  return %0 : f64
}

// -----

func.func @dialect(%x: i32) -> i32 {
  // expected-error @below {{'scf.execute_region' op has no instruction on a GPU}}
  %0 = scf.execute_region -> i32 {
    // expected-error @below {{'scf.yield' op has no instruction on a GPU}}
    scf.yield %x : i32
  }
  return %0 : i32
}

// -----

func.func @assert(%x: i1) {
  // expected-error @below {{'cf.assert' op has no instruction on a GPU}}
  cf.assert %x, "on"
  return
}

// -----

func.func @type(%x: i32) -> i24 {
  // expected-error @below {{has the type 'i24', for which a GPU has no register}}
  %0 = arith.trunci %x : i32 to i24
  // expected-error @below {{has the type 'i24', for which a GPU has no register}}
  return %0 : i24
}
