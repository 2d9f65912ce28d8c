// Barriers of some warps, matches, mbarriers and stores of matrices.
// RUN: kiln-opt %s --tile-gpu-to-llvm=capability=90 | FileCheck %s

// CHECK: module attributes {tile_gpu.ptx_version = 80 : i32}
// CHECK-LABEL: llvm.func @warps(
// CHECK-SAME: %[[X:.*]]: i32, %[[Y:.*]]: i64)
func.func @warps(%x: i32, %y: i64) -> (i32, i32, i32, i1) {
  // CHECK: llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.count"(%[[X]], %[[X]]) : (i32, i32) -> ()
  tile_gpu.machine "bar.sync.id"(%x, %x) : (i32, i32) -> ()
  // CHECK: llvm.call_intrinsic "llvm.nvvm.barrier.cta.arrive.aligned.count"(%[[X]], %[[X]]) : (i32, i32) -> ()
  tile_gpu.machine "bar.arrive"(%x, %x) : (i32, i32) -> ()
  // CHECK: llvm.call_intrinsic "llvm.nvvm.match.any.sync.i32"(%[[X]], %[[X]]) : (i32, i32) -> i32
  %a = tile_gpu.machine "match.any.sync.b32"(%x, %x) : (i32, i32) -> i32
  // CHECK: llvm.call_intrinsic "llvm.nvvm.match.any.sync.i64"(%[[X]], %[[Y]]) : (i32, i64) -> i32
  %b = tile_gpu.machine "match.any.sync.b64"(%x, %y) : (i32, i64) -> i32
  // CHECK: %[[ALL:.*]] = llvm.call_intrinsic "llvm.nvvm.match.all.sync.i32p"(%[[X]], %[[X]]) : (i32, i32) -> !llvm.struct<(i32, i1)>
  // CHECK: llvm.extractvalue %[[ALL]][1]
  %c:2 = tile_gpu.machine "match.all.sync.b32"(%x, %x) : (i32, i32) -> (i32, i1)
  return %a, %b, %c#0, %c#1 : i32, i32, i32, i1
}

// CHECK-LABEL: llvm.func @mbarrier(
// CHECK-SAME: %[[ADDRESS:.*]]: i32, %[[N:.*]]: i32)
func.func @mbarrier(%address: i32, %n: i32) -> (i1, i1, i1, i1) {
  // CHECK: %[[PTR:.*]] = llvm.inttoptr %[[ADDRESS]] : i32 to !llvm.ptr<3>
  // CHECK: llvm.call_intrinsic "llvm.nvvm.mbarrier.init.shared"(%[[PTR]], %[[N]]) : (!llvm.ptr<3>, i32) -> ()
  tile_gpu.machine "mbarrier.init"(%address, %n) : (i32, i32) -> ()
  // CHECK: %[[STATE:.*]] = llvm.call_intrinsic "llvm.nvvm.mbarrier.arrive.shared"(%{{.*}}) : (!llvm.ptr<3>) -> i64
  %state = tile_gpu.machine "mbarrier.arrive"(%address) : (i32) -> i64
  // CHECK: llvm.call_intrinsic "llvm.nvvm.mbarrier.arrive.expect.tx.scope.cta.space.cta"(%{{.*}}, %[[N]]) : (!llvm.ptr<3>, i32) -> i64
  %more = tile_gpu.machine "mbarrier.arrive.expect_tx"(%address, %n) : (i32, i32) -> i64
  // CHECK: llvm.call_intrinsic "llvm.nvvm.cp.async.mbarrier.arrive.noinc.shared"(%{{.*}}) : (!llvm.ptr<3>) -> ()
  tile_gpu.machine "cp.async.mbarrier.arrive.noinc"(%address) : (i32) -> ()
  // CHECK: llvm.call_intrinsic "llvm.nvvm.mbarrier.test.wait.shared"(%{{.*}}, %[[STATE]]) : (!llvm.ptr<3>, i64) -> i1
  %a = tile_gpu.machine "mbarrier.test_wait"(%address, %state) : (i32, i64) -> i1
  // CHECK: llvm.inline_asm has_side_effects "mbarrier.test_wait.parity.shared.b64 $0, [$1], $2;", "=b,r,r,~{memory}" %[[ADDRESS]], %[[N]] : (i32, i32) -> i1
  %b = tile_gpu.machine "mbarrier.test_wait.parity"(%address, %n) : (i32, i32) -> i1
  // CHECK: llvm.call_intrinsic "llvm.nvvm.mbarrier.try.wait.scope.cta.space.cta"(%{{.*}}, %{{.*}}) : (!llvm.ptr<3>, i64) -> i1
  %c = tile_gpu.machine "mbarrier.try_wait"(%address, %more) : (i32, i64) -> i1
  // CHECK: llvm.call_intrinsic "llvm.nvvm.mbarrier.try.wait.parity.scope.cta.space.cta"(%{{.*}}, %[[N]]) : (!llvm.ptr<3>, i32) -> i1
  %d = tile_gpu.machine "mbarrier.try_wait.parity"(%address, %n) : (i32, i32) -> i1
  // CHECK: llvm.call_intrinsic "llvm.nvvm.mbarrier.inval.shared"(%{{.*}}) : (!llvm.ptr<3>) -> ()
  tile_gpu.machine "mbarrier.inval"(%address) : (i32) -> ()
  return %a, %b, %c, %d : i1, i1, i1, i1
}

// CHECK-LABEL: llvm.func @matrices(
func.func @matrices(%address: i32, %x: i32) {
  // CHECK: llvm.call_intrinsic "llvm.nvvm.stmatrix.sync.aligned.m8n8.x1.b16"(%{{.*}}, %{{.*}}) : (!llvm.ptr<3>, i32) -> ()
  tile_gpu.machine "stmatrix.x1"(%address, %x) : (i32, i32) -> ()
  // CHECK: llvm.call_intrinsic "llvm.nvvm.stmatrix.sync.aligned.m8n8.x4.trans.b16"(%{{.*}}) : (!llvm.ptr<3>, i32, i32, i32, i32) -> ()
  tile_gpu.machine "stmatrix.x4.trans"(%address, %x, %x, %x, %x) : (i32, i32, i32, i32, i32) -> ()
  return
}
