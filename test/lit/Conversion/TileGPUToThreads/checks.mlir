// RUN: kiln-opt %s --tile-settle-asserts=asserts=true --tile-gpu-lower-to-threads --canonicalize --cse --split-input-file | FileCheck %s
// RUN: kiln-opt %s --tile-settle-asserts --tile-gpu-lower-to-threads --canonicalize --cse --split-input-file | FileCheck %s --check-prefix=OFF

// OFF-NOT: __assertfail

// The first thread reports a scalar; nobody goes on before it has looked.
// CHECK-LABEL: func.func @scalar(
// CHECK-SAME: %[[C:[a-z0-9]+]]: i1
// CHECK-DAG: %[[NOT:.*]] = arith.xori %[[C]], %true
// CHECK-DAG: %[[FIRST:.*]] = arith.cmpi eq
// CHECK: %[[FAILED:.*]] = arith.andi %[[FIRST]], %[[NOT]]
// CHECK: scf.if %[[FAILED]] {
// CHECK:   tile_gpu.machine "__assertfail"() {file = "page.cpp", function = "scalar", line = 12 : i32, message = "page out of range"} : () -> ()
// CHECK: }
// CHECK-NEXT: tile_gpu.machine "bar.sync"
func.func @scalar(%c: i1) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  tile.assert %c, "page out of range" : i1 loc("page.cpp":12:3)
  return
}

// -----

#copies = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [0], [0]], warp = []>

// CHECK-LABEL: func.func @tile(
// CHECK: %[[A:.*]] = arith.cmpi slt
// CHECK: %[[B:.*]] = arith.cmpi slt
// CHECK: %[[BOTH:.*]] = arith.andi %[[A]], %[[B]]
// CHECK: %[[NOT:.*]] = arith.xori %[[BOTH]], %true
// CHECK: %[[OWNER:.*]] = arith.cmpi eq
// CHECK: arith.andi %[[OWNER]], %[[NOT]]
// The element that is told is the first of those that fail.
// CHECK: scf.if
// CHECK: %[[INDEX:.*]] = arith.select %[[A]], %{{.*}}, %{{.*}} : i32
// CHECK: "__assertfail"(%[[INDEX]]) {file = "unknown", function = "tile", line = 0 : i32, message = "small"} : (i32) -> ()
func.func @tile(%n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 16 : tensor<16xi32, #copies>
  %ns = tile.splat %n : i32 -> tensor<16xi32, #copies>
  %m = arith.cmpi slt, %i, %ns : tensor<16xi32, #copies>
  tile.assert %m, "small" : tensor<16xi1, #copies> loc(unknown)
  return
}

// -----

// A promise: tested as 64 bits, of an address without a sign.
// CHECK-LABEL: func.func @assume(
// CHECK-SAME: %[[P:[a-z0-9]+]]: i64, %[[N:[a-z0-9]+]]: i32
// CHECK: arith.remui %[[P]], %{{.*}} : i64
// CHECK: "__assertfail"() {{{.*}}message = "a value is assumed to be a multiple of 16"}
// CHECK: %[[WIDE:.*]] = arith.extsi %[[N]] : i32 to i64
// CHECK: arith.remsi %[[WIDE]], %{{.*}} : i64
// CHECK: "__assertfail"() {{{.*}}message = "a value is assumed to be a multiple of 12"}
// CHECK: tile_gpu.machine "st.global.b32.pred"(%[[P]], %{{.*}}, %[[N]])
// OFF-LABEL: func.func @assume(
// OFF-SAME: %[[P:[a-z0-9]+]]: i64, %[[N:[a-z0-9]+]]: i32
// OFF-NOT: bar.sync
// OFF: tile_gpu.machine "st.global.b32.pred"(%[[P]], %{{.*}}, %[[N]])
func.func @assume(%p: !tile.ptr<i32>, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %q = tile.assume %p divisible_by 16 : !tile.ptr<i32>
  %m = tile.assume %n divisible_by 12 : i32
  tile.store %q, %m : !tile.ptr<i32>
  return
}

// -----

// A scalar is one line of one thread; the text of the author is no format.
// CHECK-LABEL: func.func @print(
// CHECK-SAME: %[[P:[a-z0-9]+]]: i64, %[[N:[a-z0-9]+]]: i32, %[[H:[a-z0-9]+]]: bf16, %[[B:[a-z0-9]+]]: i1
// CHECK: %[[X:.*]] = tile_gpu.machine "ctaid.x"
// CHECK: %[[Y:.*]] = tile_gpu.machine "ctaid.y"
// CHECK: %[[Z:.*]] = tile_gpu.machine "ctaid.z"
// CHECK: %[[FIRST:.*]] = arith.cmpi eq
// CHECK: scf.if %[[FIRST]] {
// CHECK:   tile_gpu.machine "vprintf"(%[[X]], %[[Y]], %[[Z]]) {format = "print(%d, %d, %d) 100%% here\0A"} : (i32, i32, i32) -> ()
// CHECK: %[[LONG:.*]] = arith.extsi %[[N]] : i32 to i64
// CHECK: scf.if %[[FIRST]] {
// CHECK:   tile_gpu.machine "vprintf"(%[[X]], %[[Y]], %[[Z]], %[[LONG]]) {format = "print(%d, %d, %d) v =  [i32] %lld\0A"} : (i32, i32, i32, i64) -> ()
// CHECK: %[[WIDE:.*]] = arith.extf %[[H]] : bf16 to f32
// CHECK: %[[WIDER:.*]] = arith.extf %[[WIDE]] : f32 to f64
// CHECK:   tile_gpu.machine "vprintf"(%[[X]], %[[Y]], %[[Z]], %[[WIDER]]) {format = "print(%d, %d, %d) v =  [bf16] %.9g\0A"}
// CHECK: %[[BIT:.*]] = arith.extui %[[B]] : i1 to i64
// CHECK:   tile_gpu.machine "vprintf"(%[[X]], %[[Y]], %[[Z]], %[[BIT]]) {format = "print(%d, %d, %d) v =  [i1] %lld\0A"}
// CHECK:   tile_gpu.machine "vprintf"(%[[X]], %[[Y]], %[[Z]], %[[P]]) {format = "print(%d, %d, %d) v =  [!tile.ptr<i32>] 0x%llx\0A"}
func.func @print(%p: !tile.ptr<i32>, %n: i32, %h: bf16, %b: i1) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  tile.print "100% here"
  tile.print "v = ", %n, %h, %b, %p : i32, bf16, i1, !tile.ptr<i32>
  return
}

// -----

#copies = #tile_gpu.layout<register = [[0, 1]], lane = [[1, 0], [2, 0], [0, 0], [0, 0], [0, 0]], warp = []>

// An element a line, by its owner, with its index.
// CHECK-LABEL: func.func @print_tile(
// CHECK-SAME: %[[F:[a-z0-9]+]]: f32
// CHECK: %[[TID:.*]] = tile_gpu.machine "tid.x"
// CHECK: %[[ROW:.*]] = arith.andi %[[TID]], %{{.*}} : i32
// CHECK: %[[COPY:.*]] = arith.andi %[[TID]], %{{.*}} : i32
// CHECK: %[[OWNER:.*]] = arith.cmpi eq, %[[COPY]], %[[C0:.*]] : i32
// CHECK: %[[D:.*]] = arith.extf %[[F]] : f32 to f64
// CHECK: scf.if %[[OWNER]] {
// CHECK:   "vprintf"(%{{.*}}, %{{.*}}, %{{.*}}, %[[ROW]], %[[C0]], %[[D]]) {format = "print_tile(%d, %d, %d) v [tensor<4x2xf32>] (%d, %d): %.9g\0A"}
// CHECK: scf.if %[[OWNER]] {
// CHECK:   "vprintf"(%{{.*}}, %{{.*}}, %{{.*}}, %[[ROW]], %{{.*}}, %[[D]])
func.func @print_tile(%f: f32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %v = tile.splat %f : f32 -> tensor<4x2xf32, #copies>
  tile.print "v", %v : tensor<4x2xf32, #copies>
  return
}

// -----

// Neither is the kernel's name.
// CHECK-LABEL: func.func @"100%s"(
// CHECK: format = "100%%s(%d, %d, %d) done\0A"
func.func @"100%s"() attributes {tile.kernel, tile.num_warps = 1 : i32} {
  tile.print "done"
  return
}
