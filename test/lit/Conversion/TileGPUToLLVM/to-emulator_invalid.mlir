// RUN: kiln-opt %s --tile-gpu-to-emulator --split-input-file --verify-diagnostics

func.func @helper() {
  // expected-error @+1 {{stands outside of a kernel}}
  tile_gpu.machine "bar.sync"() : () -> ()
  return
}

// -----

// What a GPU has no instruction for is refused here as well.
func.func @k(%x: f32) attributes {tile.kernel} {
  // expected-error @+1 {{of type 'f32' has no instruction on a GPU}}
  %0 = math.sin %x : f32
  return
}

// -----

func.func @k(%a: i16) attributes {tile.kernel} {
  // expected-error @+1 {{'cvt.rn.f16x2.e4m3x2' needs sm_89 or later, but the target is sm_80}}
  %0 = tile_gpu.machine "cvt.rn.f16x2.e4m3x2"(%a) : (i16) -> i32
  return
}
