// Machine operations as calls of the emulator, the parameters of a kernel, and what is counted in it.
// RUN: kiln-opt %s --tile-gpu-to-emulator --split-input-file | FileCheck %s

// CHECK: llvm.func @kiln_emulator_execute(!llvm.ptr, i32, !llvm.ptr {llvm.nocapture, llvm.readonly}, !llvm.ptr {llvm.nocapture})

// CHECK-LABEL: func.func @kernel(
// CHECK-SAME: %[[THREAD:.*]]: !llvm.ptr, %[[ARGS:.*]]: !llvm.ptr)
// The first block has a multiplication and a conditional branch, the second an addition of another place.
// CHECK-SAME: tile_gpu.blocks = [
// CHECK-SAME: [{count = 1 : i32, kind = "conversion", place = "k.cpp:3:7"}, {count = 1 : i32, kind = "floating", place = "k.cpp:4:9"}, {count = 1 : i32, kind = "integer", place = "k.cpp:5:1"}, {count = 1 : i32, kind = "control", place = "k.cpp:5:1"}]
// CHECK-SAME: [{count = 2 : i32, kind = "floating", place = "k.cpp:6:1"}, {count = 1 : i32, kind = "conversion", place = "k.cpp:6:1"}]
// CHECK-SAME: [{count = 1 : i32, kind = "control", place = ""}]]
// CHECK-SAME: tile_gpu.sites = [
// CHECK-SAME: {operation = "tid.x", place = "k.cpp:2:5"}
// CHECK-SAME: {operation = "ld.global.nc.v2.b32", place = "k.cpp:3:7"}
// CHECK-SAME: {operation = "st.global.b16.pred", place = "k.cpp:7:2"}
// CHECK-SAME: {operation = "vprintf", place = "k.cpp:8:2", text = "%d %lld %f\0A", types = "ild"}
// CHECK-SAME: {operation = "__assertfail", place = "k.cpp:9:2", text = "x < y"}]
// CHECK-NOT: tile.
// CHECK: {
func.func @kernel(%p: i64 {tile.divisibility = 16 : i64}, %on: i1, %h: bf16, %d: f64)
    attributes {tile.kernel, tile.num_warps = 8 : i32, tile_gpu.shared_bytes = 64 : i64} {
  // The most operands are three, the most results two.
  // CHECK: %[[THREE:.*]] = llvm.mlir.constant(3 : i32)
  // CHECK: %[[OPERANDS:.*]] = llvm.alloca %[[THREE]] x i64 {alignment = 8 : i64}
  // CHECK: %[[TWO:.*]] = llvm.mlir.constant(2 : i32)
  // CHECK: %[[RESULTS:.*]] = llvm.alloca %[[TWO]] x i64 {alignment = 8 : i64}
  // CHECK: %[[AT_P:.*]] = llvm.load %[[ARGS]] : !llvm.ptr -> !llvm.ptr
  // CHECK: %[[P:.*]] = llvm.load %[[AT_P]] : !llvm.ptr -> i64
  // CHECK: %[[ARG1:.*]] = llvm.getelementptr %[[ARGS]][1]
  // CHECK: %[[AT_ON:.*]] = llvm.load %[[ARG1]]
  // CHECK: %[[BYTE:.*]] = llvm.load %[[AT_ON]] : !llvm.ptr -> i8
  // CHECK: %[[ON:.*]] = arith.trunci %[[BYTE]] : i8 to i1
  // CHECK: llvm.getelementptr %[[ARGS]][2]
  // CHECK: %[[H:.*]] = llvm.load %{{.*}} : !llvm.ptr -> bf16
  // CHECK: llvm.getelementptr %[[ARGS]][3]
  // CHECK: %[[D:.*]] = llvm.load %{{.*}} : !llvm.ptr -> f64
  // CHECK: %[[COUNTERS:.*]] = llvm.load %[[THREAD]]
  // CHECK: %[[COUNT:.*]] = llvm.load %[[COUNTERS]] : !llvm.ptr -> i64
  // CHECK: %[[ONE:.*]] = llvm.mlir.constant(1 : i64)
  // CHECK: %[[MORE:.*]] = llvm.add %[[COUNT]], %[[ONE]]
  // CHECK: llvm.store %[[MORE]], %[[COUNTERS]] : i64, !llvm.ptr

  // CHECK: %[[SITE0:.*]] = llvm.mlir.constant(0 : i32)
  // CHECK: llvm.call @kiln_emulator_execute(%[[THREAD]], %[[SITE0]], %[[OPERANDS]], %[[RESULTS]])
  // CHECK: %[[WORD:.*]] = llvm.load %[[RESULTS]] : !llvm.ptr -> i64
  // CHECK: %[[TID:.*]] = arith.trunci %[[WORD]] : i64 to i32
  %tid = tile_gpu.machine "tid.x"() : () -> i32 loc("k.cpp":2:5)

  // CHECK: llvm.store %[[P]], %[[OPERANDS]] : i64, !llvm.ptr
  // CHECK: llvm.call @kiln_emulator_execute
  // CHECK: llvm.load %[[RESULTS]]
  // CHECK: %[[RESULT1:.*]] = llvm.getelementptr %[[RESULTS]][1] : (!llvm.ptr) -> !llvm.ptr, i64
  // CHECK: llvm.load %[[RESULT1]]
  %v:2 = tile_gpu.machine "ld.global.nc.v2.b32"(%p) : (i64) -> (i32, i32) loc("k.cpp":3:7)
  %f = arith.sitofp %v#0 : i32 to f32 loc("k.cpp":3:7)
  %bits = arith.bitcast %v#1 : i32 to f32 loc("k.cpp":3:7)
  %product = arith.mulf %f, %bits : f32 loc("k.cpp":4:9)
  %few = arith.cmpi slt, %tid, %v#0 : i32 loc("k.cpp":5:1)
  cf.cond_br %few, ^then, ^end loc("k.cpp":5:1)
^then:
  // CHECK: %[[COUNTER1:.*]] = llvm.getelementptr %[[COUNTERS]][1] : (!llvm.ptr) -> !llvm.ptr, i64
  // CHECK: llvm.load %[[COUNTER1]]
  // CHECK: llvm.store %{{.*}}, %[[COUNTER1]]
  %sum = arith.addf %product, %bits : f32 loc("k.cpp":6:1)
  %wide = arith.extf %sum : f32 to f64 loc("k.cpp":6:1)
  %root = math.sqrt %wide : f64 loc("k.cpp":6:1)

  // CHECK: %[[H_BITS:.*]] = arith.bitcast %[[H]] : bf16 to i16
  // CHECK: llvm.store %[[P]], %[[OPERANDS]]
  // CHECK: %[[ON_WORD:.*]] = arith.extui %[[ON]] : i1 to i64
  // CHECK: %[[OPERAND1:.*]] = llvm.getelementptr %[[OPERANDS]][1]
  // CHECK: llvm.store %[[ON_WORD]], %[[OPERAND1]]
  // CHECK: arith.extui %[[H_BITS]] : i16 to i64
  %half = arith.bitcast %h : bf16 to i16
  tile_gpu.machine "st.global.b16.pred"(%p, %on, %half) : (i64, i1, i16) -> () loc("k.cpp":7:2)
  // CHECK: arith.bitcast %{{.*}} : f64 to i64
  tile_gpu.machine "vprintf"(%tid, %p, %root) {format = "%d %lld %f\n"} : (i32, i64, f64) -> () loc("k.cpp":8:2)
  tile_gpu.machine "__assertfail"() {message = "x < y", file = "k.cpp", line = 9 : i32, function = "g"} : () -> () loc("k.cpp":9:2)
  cf.br ^end
^end:
  return loc(unknown)
}

// -----

// A kernel without machine operations has no words for operands.
// CHECK-LABEL: func.func @empty(
// CHECK-NOT: llvm.alloca
// CHECK: llvm.mlir.zero : !llvm.ptr
func.func @empty() attributes {tile.kernel} {
  return
}

// -----

// A remainder is one operation and becomes a call; a fused multiply-add of 16 bits is rounded to odd in f64; a minimum
// orders zeros.
// CHECK-LABEL: func.func @arithmetic(
// CHECK-SAME: [{count = 4 : i32, kind = "floating", place = "a.cpp:1:1"}
func.func @arithmetic(%x: f32, %h: f16, %b: bf16) attributes {tile.kernel} {
  // CHECK: call @kiln_fmod_f32
  %r = arith.remf %x, %x : f32 loc("a.cpp":1:1)
  // CHECK: %[[WIDE:.*]] = arith.extf %{{.*}} : f16 to f64
  // CHECK: %[[PRODUCT:.*]] = arith.mulf %[[WIDE]], %{{.*}} : f64
  // CHECK: %[[SUM:.*]] = arith.addf %[[PRODUCT]], %{{.*}} : f64
  // CHECK: %[[BITS:.*]] = arith.bitcast %[[SUM]] : f64 to i64
  // CHECK: arith.truncf %{{.*}} : f64 to f16
  %f = math.fma %h, %h, %h : f16 loc("a.cpp":1:1)
  // CHECK: arith.truncf %{{.*}} : f64 to bf16
  %g = math.fma %b, %b, %b : bf16 loc("a.cpp":1:1)
  // CHECK: %[[NAN_Y:.*]] = arith.cmpf uno, %[[Y:.*]], %[[Y]] : f32
  // CHECK: %[[LEAST:.*]] = arith.minimumf %[[X:.*]], %[[Y]] : f32
  // CHECK: %[[ONE:.*]] = arith.select %[[NAN_Y]], %[[X]], %[[LEAST]]
  // CHECK: %[[NAN_X:.*]] = arith.cmpf uno, %[[X]], %[[X]] : f32
  // CHECK: arith.select %[[NAN_X]], %[[Y]], %[[ONE]]
  %m = arith.minnumf %x, %r : f32 loc("a.cpp":1:1)
  return
}

// -----

// Arithmetic for the emulator's own checks is not counted; what the kernel uses as well is.
// CHECK-LABEL: func.func @checks(
// CHECK-SAME: tile_gpu.blocks = [
// CHECK-SAME: [{count = 1 : i32, kind = "integer", place = "k.cpp:1:1"}, {count = 1 : i32, kind = "control", place = "k.cpp:9:1"}]]
func.func @checks(%p: i64, %x: i64, %i: i32) attributes {tile.kernel, tile.num_warps = 1 : i32, tile_gpu.shared_bytes = 0 : i64} {
  %y = arith.addi %x, %x : i64 loc("k.cpp":1:1)
  tile_gpu.machine "st.global.b64"(%p, %y) : (i64, i64) -> () loc("k.cpp":1:1)
  %row = arith.muli %i, %i : i32 loc("k.cpp":2:1)
  %index = arith.addi %row, %i : i32 loc("k.cpp":2:1)
  tile_gpu.machine "exchange.sent"(%index, %y) {exchange = "warp 0"} : (i32, i64) -> () loc("k.cpp":2:1)
  tile_gpu.machine "exchange.received"(%index, %y) {exchange = "warp 0"} : (i32, i64) -> () loc("k.cpp":2:1)
  return loc("k.cpp":9:1)
}
