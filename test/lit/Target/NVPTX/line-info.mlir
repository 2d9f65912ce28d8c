// With --line-info the PTX names the lines of the source, and it holds the same instructions as without.
// RUN: kiln-translate --arch sm_90a --line-info %s | FileCheck %s
// RUN: kiln-translate --arch sm_90a %s | FileCheck %s --check-prefix=WITHOUT
// RUN: kiln-translate --arch sm_90a %s | grep -E '^	([a-z]|@)' > %t.without
// RUN: kiln-translate --arch sm_90a --line-info %s | grep -E '^	([a-z]|@)' > %t.with
// RUN: diff %t.without %t.with

// CHECK: .target sm_90a
// CHECK-NOT: debug
// CHECK-LABEL: .entry scale
// CHECK: .loc [[$FILE:[0-9]+]] 12 5
// CHECK: ld.global.b32
// CHECK: .loc [[$FILE]] 13 20
// CHECK: mul.rn.f32
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

// A function without a place of its own, with operations from two files.
// CHECK-LABEL: .entry inlined
// CHECK: .loc [[A:[0-9]+]] 5 2
// CHECK: ld.global.b32
// CHECK: .loc [[B:[0-9]+]] 7 2
// CHECK: st.global.b32
// CHECK-DAG: .file [[$FILE]] "src/scale.cpp"
// CHECK-DAG: .file [[A]] {{.*}}a.h"
// CHECK-DAG: .file [[B]] {{.*}}b.h"
func.func @inlined(%p: i64) attributes {tile.kernel} {
  %x = tile_gpu.machine "ld.global.b32"(%p) : (i64) -> i32 loc("src/a.h":5:2)
  %y = arith.addi %x, %x : i32 loc("src/b.h":6:2)
  tile_gpu.machine "st.global.b32"(%p, %y) : (i64, i32) -> () loc("src/b.h":7:2)
  return loc("src/b.h":8:2)
} loc(unknown)
