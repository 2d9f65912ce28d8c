// Device functions in the PTX of a kernel. Bitcode is inlined, however it was compiled; PTX stands in front of the kernel, and what it defines
// besides has a name of its own; the lines of its source are left out.
// RUN: kiln-translate --arch sm_90a --device-function scale=%S/Inputs/scale.ll --device-function split=%S/Inputs/split.ptx %s | FileCheck %s
// RUN: kiln-translate --arch sm_90a --device-function scale=%S/Inputs/scale.ll --emit-llvm %s | FileCheck %s --check-prefix=LLVM

// LLVM-LABEL: define ptx_kernel void @kernel(
// LLVM: fmul float
// LLVM: fadd float
// LLVM: call { float, i32 } @kiln_device_split(float
// LLVM-NOT: @kiln_device_scale

// The later of two versions.
// CHECK: .version 8.7
// CHECK-NEXT: .target sm_90a
// CHECK-NEXT: .address_size 64
// CHECK: .extern .func (.param .b32 func_retval0) vprintf
// CHECK: .global .align 4 .b8 table__split[8] = {0, 0, 0, 0, 0, 0, 128, 63};
// CHECK: .func (.param .b32 r) helper__split (.param .b32 a)
// CHECK: mov.u64 %rd1, table__split;
// CHECK: .func (.param .align 4 .b8 func_retval0[8]) kiln_device_split(
// CHECK-NOT: .loc
// CHECK: call.uni (h), helper__split, (p);
// CHECK-NOT: .extern
// CHECK: .visible .entry kernel(
// CHECK-NOT: kiln_device_scale
// CHECK: mul.rn.f32
// CHECK: add.rn.f32
// CHECK: call.uni (retval0), kiln_device_split, (param0);
func.func @kernel(%p: i64, %x: f32) attributes {tile.kernel} {
  %s = call @kiln_device_scale(%x) : (f32) -> f32
  %r:2 = call @kiln_device_split(%s) : (f32) -> (f32, i32)
  %b = arith.bitcast %r#0 : f32 to i32
  %sum = arith.addi %b, %r#1 : i32
  tile_gpu.machine "st.global.b32"(%p, %sum) : (i64, i32) -> ()
  return
}
func.func private @kiln_device_scale(f32) -> f32 attributes {llvm.readnone}
func.func private @kiln_device_split(f32) -> (f32, i32) attributes {llvm.readnone}
