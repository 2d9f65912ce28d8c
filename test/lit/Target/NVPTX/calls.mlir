// What LLVM is told of machine operations: assembly without effects has none, and a product on tensor cores stays where all lanes are.
// RUN: kiln-translate --arch sm_90a --emit-llvm %s | FileCheck %s --check-prefix=LLVM
// RUN: kiln-translate --arch sm_90a %s | FileCheck %s

// LLVM: call { float, float, float, float } @llvm.nvvm.mma.m16n8k8.row.col.bf16({{.*}}) #[[PRODUCT:[0-9]+]]
// LLVM: asm "cvt.rn.bf16x2.f32 $0, $1, $2;"{{.*}} #[[PURE:[0-9]+]]
// LLVM: asm sideeffect "fence.acq_rel.gpu;"{{.*}} #[[FENCE:[0-9]+]]
// LLVM-DAG: attributes #[[PRODUCT]] = { convergent }
// LLVM-DAG: attributes #[[PURE]] = { nounwind memory(none) }
// LLVM-DAG: attributes #[[FENCE]] = { nounwind }

// CHECK-LABEL: .entry first_lane_stores
// CHECK: mma.sync
// CHECK: bra
func.func @first_lane_stores(%p: i64, %a: i32, %c: f32) attributes {tile.kernel} {
  %d:4 = tile_gpu.machine "mma.m16n8k8.f32.bf16"(%a, %a, %a, %c, %c, %c, %c)
      : (i32, i32, i32, f32, f32, f32, f32) -> (f32, f32, f32, f32)
  %tid = tile_gpu.machine "tid.x"() : () -> i32
  %both = tile_gpu.machine "cvt.rn.bf16x2.f32"(%d#0, %d#1) : (f32, f32) -> i32
  %zero = arith.constant 0 : i32
  %first = arith.cmpi eq, %tid, %zero : i32
  cf.cond_br %first, ^store, ^done
^store:
  tile_gpu.machine "fence.acq_rel.gpu"() : () -> ()
  tile_gpu.machine "st.global.b32"(%p, %both) : (i64, i32) -> ()
  cf.br ^done
^done:
  return
}
