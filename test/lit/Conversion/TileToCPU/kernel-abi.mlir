// RUN: kiln-opt %s --tile-kernel-abi | FileCheck %s

// CHECK: func.func private @kiln_cpu_check(!llvm.ptr, !llvm.ptr, !llvm.ptr, i64, !llvm.ptr, !llvm.ptr) -> i32
func.func private @kiln_cpu_check(!llvm.ptr, i64, !llvm.ptr, !llvm.ptr) -> i32

// Parameters come from the slots that the first argument points to, program ids from the second; callbacks get context and program in front.
// CHECK-LABEL: func.func @kernel
// CHECK-SAME:    %[[ARGS:.*]]: !llvm.ptr, %[[INFO:.*]]: !llvm.ptr, %[[SCRATCH:.*]]: memref<64xi8> {llvm.noalias}, %[[CONTEXT:.*]]: !llvm.ptr) -> i32
func.func @kernel(%x: !tile.ptr<f32>, %n: i32, %b: i1, %scratch: memref<64xi8>) attributes {kiln.scratch_bytes = 64 : i64} {
  // CHECK: %[[SLOT0:.*]] = llvm.getelementptr %[[ARGS]][0]
  // CHECK: %[[ADDRESS0:.*]] = llvm.load %[[SLOT0]]
  // CHECK: %[[X:.*]] = llvm.load %[[ADDRESS0]] : !llvm.ptr -> !llvm.ptr
  // CHECK: llvm.getelementptr %[[ARGS]][1]
  // CHECK: %[[N:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i32
  // CHECK: %[[BYTE:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i8
  // CHECK: arith.trunci %[[BYTE]] : i8 to i1
  // CHECK: llvm.getelementptr %[[INFO]][1]
  // CHECK: %[[PID:.*]] = llvm.load %{{.*}} : !llvm.ptr -> i32
  // CHECK: llvm.getelementptr %[[INFO]][5]
  %pid = tile.program_id 1 : i32
  %num = tile.num_programs 2 : i32
  %c0 = arith.constant 0 : i32
  // CHECK: scf.for {{.*}} iter_args(%[[P:.*]] = %[[X]]) -> (!llvm.ptr)
  // CHECK:   llvm.getelementptr %[[P]][%[[PID]]] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %end = scf.for %i = %c0 to %n step %num iter_args(%p = %x) -> (!tile.ptr<f32>) : i32 {
    %q = tile.addptr %p, %pid : !tile.ptr<f32>, i32
    scf.yield %q : !tile.ptr<f32>
  }
  %raw = builtin.unrealized_conversion_cast %end : !tile.ptr<f32> to !llvm.ptr
  %c4 = arith.constant 4 : i64
  // CHECK: call @kiln_cpu_check(%[[CONTEXT]], %[[INFO]], %{{.*}})
  %code = func.call @kiln_cpu_check(%raw, %c4, %raw, %raw) : (!llvm.ptr, i64, !llvm.ptr, !llvm.ptr) -> i32
  // CHECK: %[[OK:.*]] = arith.constant 0 : i32
  // CHECK: return %[[OK]] : i32
  return
}
