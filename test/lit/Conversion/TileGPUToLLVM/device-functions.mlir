// On the emulator the function of words calls the host implementation for one element, through slots that start as the element would.
// RUN: kiln-opt %s --tile-gpu-to-emulator | FileCheck %s

// CHECK: func.func private @kiln_host_call_split(!llvm.ptr, i64, !llvm.ptr, !llvm.ptr)
// CHECK: llvm.mlir.global external @kiln_host_callable_split()
// CHECK: func.func @kernel
// CHECK: call @kiln_device_split(
// CHECK: func.func private @kiln_device_split(%[[A:.*]]: f32, %[[B:.*]]: i32) -> (f32, i32) {
// CHECK: llvm.store %[[A]], %{{.*}} : f32, !llvm.ptr
// CHECK: llvm.store %[[B]], %{{.*}} : i32, !llvm.ptr
// CHECK: %[[R0:.*]] = llvm.alloca %{{.*}} x f32
// CHECK: %[[R1:.*]] = llvm.alloca %{{.*}} x i32
// CHECK: %[[OBJECT:.*]] = llvm.mlir.addressof @kiln_host_callable_split
// CHECK: call @kiln_host_call_split(%[[OBJECT]], %{{.*}}, %{{.*}}, %{{.*}})
// CHECK: %[[X:.*]] = llvm.load %[[R0]] : !llvm.ptr -> f32
// CHECK: %[[Y:.*]] = llvm.load %[[R1]] : !llvm.ptr -> i32
// CHECK: return %[[X]], %[[Y]]
func.func @kernel(%p: i64, %a: f32, %b: i32) attributes {tile.kernel} {
  %r:2 = call @kiln_device_split(%a, %b) : (f32, i32) -> (f32, i32)
  tile_gpu.machine "st.global.b32"(%p, %r#1) : (i64, i32) -> ()
  return
}
func.func private @kiln_device_split(f32, i32) -> (f32, i32) attributes {llvm.readnone}
