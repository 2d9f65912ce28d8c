// The module says which PTX its machine operations need.
// RUN: kiln-opt %s --tile-gpu-to-llvm=capability=89 | FileCheck %s

// CHECK: module attributes {tile_gpu.ptx_version = 81 : i32}
func.func @f(%x: f32) -> i16 {
  %0 = tile_gpu.machine "cvt.rn.satfinite.e4m3x2.f32"(%x, %x) : (f32, f32) -> i16
  return %0 : i16
}
