// Each form of a row, and what a kernel becomes.
// RUN: kiln-opt %s --tile-gpu-to-llvm | FileCheck %s

// CHECK: module attributes {tile_gpu.ptx_version = 70 : i32}
// CHECK-DAG: llvm.mlir.global external @kiln_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
// CHECK-DAG: llvm.mlir.global internal constant @kiln_text_0("%d %lld\0A\00") {addr_space = 1 : i32, alignment = 1 : i64}

// CHECK-LABEL: llvm.func @kernel(
// CHECK-SAME: %[[P:.*]]: i64, %[[X:.*]]: f32, %[[H:.*]]: bf16)
// CHECK-SAME: attributes {nvvm.kernel, nvvm.reqntid = array<i32: 256>}
func.func @kernel(%p: i64 {tile.divisibility = 16 : i64}, %x: f32, %h: bf16)
    attributes {tile.kernel, tile.num_warps = 8 : i32, tile_gpu.shared_bytes = 64 : i64} {
  // CHECK-DAG: %[[RECORD:.*]] = llvm.alloca %{{.*}} x !llvm.struct<(i32, i64)>
  // CHECK-DAG: %[[TID:.*]] = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.tid.x"() : () -> i32
  %tid = tile_gpu.machine "tid.x"() : () -> i32
  // CHECK-DAG: %[[ZERO:.*]] = llvm.mlir.constant(0 : i32) : i32
  // CHECK: llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"(%{{.*}}) : (i32) -> ()
  tile_gpu.machine "bar.sync"() : () -> ()
  // CHECK: %[[PTR:.*]] = llvm.inttoptr %[[P]] : i64 to !llvm.ptr<1>
  // CHECK: llvm.load %[[PTR]] invariant {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
  %v:4 = tile_gpu.machine "ld.global.nc.v4.b32"(%p) : (i64) -> (i32, i32, i32, i32)
  // CHECK: %[[ON:.*]] = llvm.icmp "slt"
  %on = arith.cmpi slt, %tid, %v#0 : i32
  // CHECK: %[[PAIR:.*]] = llvm.inline_asm has_side_effects "@$3 ld.global.v2.b32 {$0, $1}, [$2];", "=r,=r,l,b,0,1" %[[P]], %[[ON]], %[[TID]], %[[TID]] : (i64, i1, i32, i32) -> !llvm.struct<(i32, i32)>
  // CHECK: llvm.extractvalue %[[PAIR]][0]
  %w:2 = tile_gpu.machine "ld.global.v2.b32.pred"(%p, %on, %tid, %tid) : (i64, i1, i32, i32) -> (i32, i32)
  // CHECK: %[[HALF:.*]] = llvm.bitcast %[[H]] : bf16 to f16
  // CHECK: llvm.bitcast %[[HALF]] : f16 to i16
  // CHECK: llvm.inline_asm has_side_effects "mov.b16 $0, 0; @$2 atom.relaxed.gpu.global.add.noftz.f16 $0, [$1], $3;", "=&h,l,b,h,~{memory}"
  %half = arith.bitcast %h : bf16 to f16
  %old = tile_gpu.machine "atom.relaxed.gpu.global.add.noftz.f16.pred"(%p, %on, %half) : (i64, i1, f16) -> f16
  // CHECK: %[[BASE:.*]] = llvm.mlir.addressof @kiln_shared : !llvm.ptr<3>
  // CHECK: %[[S:.*]] = llvm.ptrtoint %[[BASE]] : !llvm.ptr<3> to i32
  %s = tile_gpu.machine "shared.base"() : () -> i32
  // CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 8 : i64} : vector<2xi32>, !llvm.ptr<3>
  tile_gpu.machine "st.shared.v2.b32"(%s, %w#0, %w#1) : (i32, i32, i32) -> ()
  // CHECK: llvm.call_intrinsic "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x2.b16"(%{{.*}}) : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32)>
  %m:2 = tile_gpu.machine "ldmatrix.x2"(%s) : (i32) -> (i32, i32)
  // CHECK: llvm.bitcast %{{.*}} : i32 to vector<2xf16>
  // CHECK: llvm.call_intrinsic "llvm.nvvm.mma.m16n8k8.row.col.f32.f32"(%{{.*}}) : (vector<2xf16>, vector<2xf16>, vector<2xf16>, f32, f32, f32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
  %d:4 = tile_gpu.machine "mma.m16n8k8.f32.f16"(%m#0, %m#1, %m#0, %x, %x, %x, %x)
      : (i32, i32, i32, f32, f32, f32, f32) -> (f32, f32, f32, f32)
  // CHECK: llvm.bitcast %{{.*}} : i32 to vector<4xi8>
  %b:4 = tile_gpu.machine "unpack.b8x4"(%w#0) : (i32) -> (i8, i8, i8, i8)
  // What has no effect says so; a byte travels in a register of 16 bits.
  // CHECK: llvm.inline_asm "cvt.rn.bf16x2.f32 $0, $1, $2;", "=r,f,f"
  %both = tile_gpu.machine "cvt.rn.bf16x2.f32"(%d#0, %d#1) : (f32, f32) -> i32
  // CHECK: %[[WIDE:.*]] = llvm.zext %{{.*}} : i8 to i16
  // CHECK: llvm.inline_asm has_side_effects "@$1 st.global.b8 [$0], $2;", "l,b,h,~{memory}" %[[P]], %[[ON]], %[[WIDE]]
  tile_gpu.machine "st.global.b8.pred"(%p, %on, %b#1) : (i64, i1, i8) -> ()
  // CHECK: llvm.getelementptr %[[RECORD]][0, 1]
  // CHECK: llvm.call @vprintf(%{{.*}}, %[[RECORD]])
  tile_gpu.machine "vprintf"(%both, %p) {format = "%d %lld\n"} : (i32, i64) -> ()
  // The host gets the text, its length, and the index of the element: two numbers of up to eight.
  // CHECK-DAG: %[[BYTES:.*]] = llvm.mlir.constant(32 : i64)
  // CHECK-DAG: %[[RANK:.*]] = llvm.mlir.constant(2 : i32)
  // CHECK: llvm.call @kiln_record_failure(%{{.*}}, %[[BYTES]], %[[RANK]], %[[I:[^,]*]], %[[I]],
  // CHECK: llvm.call @__assertfail
  tile_gpu.machine "__assertfail"(%both, %both) {message = "m", file = "f", line = 3 : i32, function = "g"} : (i32, i32) -> ()
  return
}
