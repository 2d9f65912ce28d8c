// With --line-info the PTX names the lines of the source, and it holds the same instructions as without.
// RUN: kiln-translate --arch sm_90a --line-info %s | FileCheck %s
// RUN: kiln-translate --arch sm_90a %s | FileCheck %s --check-prefix=WITHOUT
// RUN: kiln-translate --arch sm_90a %s | grep -E '^	([a-z]|@)' > %t.without
// RUN: kiln-translate --arch sm_90a --line-info %s | grep -E '^	([a-z]|@)' > %t.with
// RUN: diff %t.without %t.with

// CHECK: .target sm_90a
// CHECK-NOT: debug
// CHECK-LABEL: .entry scale
// CHECK: .loc [[FILE:[0-9]+]] 12 5
// CHECK: ld.global.b32
// CHECK: .loc [[FILE]] 13 20
// CHECK: mul.rn.f32
// CHECK: .file [[FILE]] "src{{/|" "}}scale.cpp"
// WITHOUT-NOT: .loc
// WITHOUT-NOT: .file
func.func @scale(%p: i64, %f: f32) attributes {tile.kernel} {
  %bits = tile_gpu.machine "ld.global.b32"(%p) : (i64) -> i32 loc(#load)
  %x = arith.bitcast %bits : i32 to f32 loc(#load)
  %y = arith.mulf %x, %f : f32 loc(#product)
  %z = arith.bitcast %y : f32 to i32 loc(#product)
  tile_gpu.machine "st.global.b32"(%p, %z) : (i64, i32) -> () loc(#product)
  return loc(#product)
} loc(#function)
#function = loc("src/scale.cpp":10:1)
#load = loc("src/scale.cpp":12:5)
#product = loc("src/scale.cpp":13:20)
