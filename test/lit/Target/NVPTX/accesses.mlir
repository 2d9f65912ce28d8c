// RUN: kiln-opt %s --tile-to-gpu="capability=80 asserts=true" | kiln-translate --arch sm_80 -o %t.80.ptx
// RUN: %ptxas -arch=sm_80 %t.80.ptx -o /dev/null
// RUN: FileCheck %s --check-prefixes=CHECK,LOOP < %t.80.ptx
// RUN: kiln-opt %s --tile-to-gpu="capability=90 asserts=true" | kiln-translate --arch sm_90a -o %t.90.ptx
// RUN: %ptxas -arch=sm_90a %t.90.ptx -o /dev/null
// RUN: FileCheck %s --check-prefixes=CHECK,ADD < %t.90.ptx

// Whole vectors under one predicate; the addresses of a thread differ by constants.
// CHECK-LABEL: .entry masked(
// CHECK: setp.lt.s32 [[A:%p[0-9]+]]
// CHECK: @[[A]] ld.global.nc.v4.b32
// CHECK: @[[A]] st.global.v4.b32
func.func @masked(%x: !tile.ptr<f16> {tile.readonly, tile.divisibility = 16 : i64}, %y: !tile.ptr<f16> {tile.divisibility = 16 : i64},
                  %n: i32 {tile.divisibility = 16 : i64}) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %i = tile.arange 0 to 512 : tensor<512xi32>
  %ns = tile.splat %n : i32 -> tensor<512xi32>
  %m = arith.cmpi slt, %i, %ns : tensor<512xi32>
  %xs = tile.splat %x : !tile.ptr<f16> -> tensor<512x!tile.ptr<f16>>
  %from = tile.addptr %xs, %i : tensor<512x!tile.ptr<f16>>, tensor<512xi32>
  %ys = tile.splat %y : !tile.ptr<f16> -> tensor<512x!tile.ptr<f16>>
  %to = tile.addptr %ys, %i : tensor<512x!tile.ptr<f16>>, tensor<512xi32>
  %one = arith.constant dense<1.0> : tensor<512xf16>
  %v = tile.load %from mask %m other %one : tensor<512x!tile.ptr<f16>> -> tensor<512xf16>
  %w = arith.addf %v, %one : tensor<512xf16>
  tile.store %to, %w mask %m : tensor<512x!tile.ptr<f16>>
  return
}

// CHECK-LABEL: .entry bytes(
// CHECK: ld.global.v4.b32
// CHECK: ld.global.b8
// CHECK: st.global.v4.b32
// CHECK: st.global.b8
func.func @bytes(%x: !tile.ptr<i8> {tile.divisibility = 16 : i64}, %b: !tile.ptr<i1>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 512 : tensor<512xi32>
  %j = tile.arange 0 to 64 : tensor<64xi32>
  %xs = tile.splat %x : !tile.ptr<i8> -> tensor<512x!tile.ptr<i8>>
  %p = tile.addptr %xs, %i : tensor<512x!tile.ptr<i8>>, tensor<512xi32>
  %bs = tile.splat %b : !tile.ptr<i1> -> tensor<64x!tile.ptr<i1>>
  %q = tile.addptr %bs, %j : tensor<64x!tile.ptr<i1>>, tensor<64xi32>
  %v = tile.load %p : tensor<512x!tile.ptr<i8>> -> tensor<512xi8>
  %w = tile.load %q : tensor<64x!tile.ptr<i1>> -> tensor<64xi1>
  %t = arith.constant dense<true> : tensor<64xi1>
  %u = arith.xori %w, %t : tensor<64xi1>
  %s = arith.addi %v, %v : tensor<512xi8>
  tile.store %p, %s : tensor<512x!tile.ptr<i8>>
  tile.store %q, %u : tensor<64x!tile.ptr<i1>>
  return
}

// CHECK-LABEL: .entry atomics(
// CHECK: bar.sync
// CHECK: atom.acq_rel.gpu.global.add.u32
// CHECK: st.shared.b32
// CHECK: bar.sync
// CHECK: ld.shared.b32
// LOOP: atom.relaxed.sys.global.cas.b16
// ADD: red.relaxed.sys.global.add.noftz.bf16
// CHECK: fence.acq_rel.gpu
// CHECK: red.relaxed.gpu.global.add.f32
// CHECK: atom.relaxed.gpu.global.add.noftz.f16
// CHECK: atom.relaxed.gpu.global.cas.b64
// CHECK: atom.relaxed.gpu.global.exch.b32
func.func @atomics(%count: !tile.ptr<i32>, %b: !tile.ptr<bf16>, %v: bf16, %x: !tile.ptr<f32>, %h: !tile.ptr<f16>, %l: !tile.ptr<i64>)
    attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %one = arith.constant 1 : i32
  %arrived = tile.atomic_rmw add acq_rel device %count, %one : !tile.ptr<i32> -> i32
  %none = tile.atomic_rmw fadd relaxed system %b, %v : !tile.ptr<bf16> -> bf16
  %i = tile.arange 0 to 64 : tensor<64xi32>
  %as = tile.splat %arrived : i32 -> tensor<64xi32>
  %m = arith.cmpi slt, %i, %as : tensor<64xi32>
  %f = arith.sitofp %i : tensor<64xi32> to tensor<64xf32>
  %g = arith.sitofp %i : tensor<64xi32> to tensor<64xf16>
  %long = arith.extsi %i : tensor<64xi32> to tensor<64xi64>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>>
  %xp = tile.addptr %xs, %i : tensor<64x!tile.ptr<f32>>, tensor<64xi32>
  %hs = tile.splat %h : !tile.ptr<f16> -> tensor<64x!tile.ptr<f16>>
  %hp = tile.addptr %hs, %i : tensor<64x!tile.ptr<f16>>, tensor<64xi32>
  %ls = tile.splat %l : !tile.ptr<i64> -> tensor<64x!tile.ptr<i64>>
  %lp = tile.addptr %ls, %i : tensor<64x!tile.ptr<i64>>, tensor<64xi32>
  %0 = tile.atomic_rmw fadd release device %xp, %f mask %m : tensor<64x!tile.ptr<f32>> -> tensor<64xf32>
  %1 = tile.atomic_rmw fadd relaxed device %hp, %g : tensor<64x!tile.ptr<f16>> -> tensor<64xf16>
  tile.store %hp, %1 : tensor<64x!tile.ptr<f16>>
  %2 = tile.atomic_cas relaxed device %lp, %long, %long : tensor<64x!tile.ptr<i64>> -> tensor<64xi64>
  tile.store %lp, %2 : tensor<64x!tile.ptr<i64>>
  %3 = tile.atomic_rmw xchg relaxed device %xp, %f : tensor<64x!tile.ptr<f32>> -> tensor<64xf32>
  return
}

// CHECK-LABEL: .entry checks(
// CHECK: call.uni {{.*}}__assertfail
// CHECK: call.uni {{.*}}vprintf
func.func @checks(%x: f16, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %m = tile.assume %n divisible_by 8 : i32
  %i = tile.arange 0 to 64 : tensor<64xi32>
  %ns = tile.splat %m : i32 -> tensor<64xi32>
  %ok = arith.cmpi slt, %i, %ns : tensor<64xi32>
  tile.assert %ok, "too few" : tensor<64xi1>
  tile.print "x = ", %x, %i : f16, tensor<64xi32>
  return
}
