// Round trip of machine operations, and what their effects allow.
// RUN: kiln-opt %s | kiln-opt | FileCheck %s
// RUN: kiln-opt %s --canonicalize --cse | FileCheck %s --check-prefix=EFFECTS

// CHECK-LABEL: func @forms
func.func @forms(%p: i64, %s: i32, %on: i1, %x: f32) {
  // CHECK: tile_gpu.machine "tid.x"() : () -> i32
  %tid = tile_gpu.machine "tid.x"() : () -> i32
  // CHECK: tile_gpu.machine "ld.global.v2.b32.pred"(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}) : (i64, i1, i32, i32) -> (i32, i32)
  %a:2 = tile_gpu.machine "ld.global.v2.b32.pred"(%p, %on, %tid, %tid) : (i64, i1, i32, i32) -> (i32, i32)
  // CHECK: tile_gpu.machine "atom.acq_rel.gpu.global.add.f32.pred"
  %old = tile_gpu.machine "atom.acq_rel.gpu.global.add.f32.pred"(%p, %on, %x) : (i64, i1, f32) -> f32
  // CHECK: tile_gpu.machine "vprintf"(%{{.*}}, %{{.*}}) {format = "%d %lld\0A"} : (i32, i64) -> ()
  tile_gpu.machine "vprintf"(%a#0, %p) {format = "%d %lld\n"} : (i32, i64) -> ()
  // CHECK: tile_gpu.machine "__assertfail"()
  tile_gpu.machine "__assertfail"() {message = "x > 0", file = "k.cpp", line = 7 : i32, function = "k"} : () -> ()
  return
}

// What only reads is removed where nobody uses it and shared where nothing writes between; a barrier keeps loads apart.
// EFFECTS-LABEL: func @effects
func.func @effects(%s: i32) -> (i32, i32, i32) {
  // EFFECTS-NEXT: %[[A:.*]] = tile_gpu.machine "ld.shared.b32"
  // EFFECTS-NEXT: tile_gpu.machine "bar.sync"
  // EFFECTS-NEXT: %[[B:.*]] = tile_gpu.machine "ld.shared.b32"
  // EFFECTS-NEXT: return %[[A]], %[[A]], %[[B]]
  %unused = tile_gpu.machine "ld.shared.b8"(%s) : (i32) -> i8
  %a = tile_gpu.machine "ld.shared.b32"(%s) : (i32) -> i32
  %same = tile_gpu.machine "ld.shared.b32"(%s) : (i32) -> i32
  tile_gpu.machine "bar.sync"() : () -> ()
  %b = tile_gpu.machine "ld.shared.b32"(%s) : (i32) -> i32
  return %a, %same, %b : i32, i32, i32
}
