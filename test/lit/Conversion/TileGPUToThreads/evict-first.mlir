// RUN: kiln-opt %s --tile-gpu-lower-to-threads --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,SM80
// RUN: kiln-opt %s --tile-gpu-lower-to-threads=capability=90 --canonicalize --cse | FileCheck %s --check-prefixes=CHECK,SM90
// RUN: kiln-opt %s --tile-gpu-lower-to-threads=capability=80 | kiln-translate --arch sm_80 | FileCheck %s --check-prefix=PTX
// RUN: kiln-opt %s --tile-gpu-lower-to-threads=capability=90 | kiln-translate --arch sm_90a | FileCheck %s --check-prefixes=PTX,PTX90

#l = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = []>
#narrow = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
#far = #tile_gpu.layout<register = [[1], [2], [4], [8], [16], [32], [64], [128]], lane = [[256], [512], [1024], [2048], [4096]], warp = []>
#s = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16], [32], [64]]>
#sfar = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16], [32], [64], [128], [256], [512], [1024], [2048], [4096]]>
#s32 = #tile_gpu.shared_layout<offset = [[1], [2], [4], [8], [16]]>

// Copies of 16 bytes take a policy, which is made once. The shared address ends with an exclusive-or of the lane's part, 16 bytes a lane,
// from sm_90 on.
// CHECK-LABEL: func.func @copies(
// CHECK-DAG: %[[POLICY:.*]] = tile_gpu.machine "createpolicy.L2.evict_first"() : () -> i64
// CHECK-NOT: createpolicy
// SM80-NOT: xor.b32
// SM80: tile_gpu.machine "cp.async.cg.16.hint"(%{{.*}}, %{{.*}}, %{{.*}}, %[[POLICY]]) : (i32, i64, i32, i64) -> ()
// SM90: %[[SLOT:.*]] = arith.addi %{{.*}}, %{{.*}} : i32
// SM90: %[[TO:.*]] = tile_gpu.machine "xor.b32"(%[[SLOT]], %{{.*}}) : (i32, i32) -> i32
// SM90: tile_gpu.machine "cp.async.cg.16.hint"(%[[TO]], %{{.*}}, %{{.*}}, %[[POLICY]]) : (i32, i64, i32, i64) -> ()
// CHECK: tile_gpu.machine "cp.async.cg.16"(
// PTX-LABEL: .entry copies(
// PTX: createpolicy.fractional.L2::evict_first.b64 [[POLICY:%rd[0-9]+]], 1.0;
// PTX90: xor.b32 [[TO:%r[0-9]+]], %r{{[0-9]+}}, %r{{[0-9]+}};
// PTX90: cp.async.cg.shared.global.L2::cache_hint {{\[}}[[TO]]], [%rd{{[0-9]+}}], 16, %r{{[0-9]+}}, [[POLICY]];
// PTX: cp.async.cg.shared.global{{.*}}
func.func @copies(%in: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly}, %slot: i32)
    attributes {tile.kernel, tile.num_warps = 1 : i32, tile_gpu.shared_bytes = 2048 : i64} {
  %i = tile.arange 0 to 128 : tensor<128xi32, #l>
  %base = tile.splat %in : !tile.ptr<f32> -> tensor<128x!tile.ptr<f32>, #l>
  %p = tile.addptr %base, %i : tensor<128x!tile.ptr<f32>, #l>, tensor<128xi32, #l>
  %ring = tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64} : !tile_gpu.ring<2x128xf32, #s>
  tile_gpu.async_load %p evict_first to %ring[%slot] : tensor<128x!tile.ptr<f32>, #l> to !tile_gpu.ring<2x128xf32, #s>
  %other = tile_gpu.alloc_ring {tile_gpu.shared_offset = 1024 : i64} : !tile_gpu.ring<2x128xf32, #s>
  %c0 = arith.constant 0 : i32
  tile_gpu.async_load %p to %other[%c0] : tensor<128x!tile.ptr<f32>, #l> to !tile_gpu.ring<2x128xf32, #s>
  tile_gpu.async_commit
  return
}

// Lanes that are a multiple of 1024 bytes apart have no such part: no hint from sm_90 on. Fewer than 4 bytes are loaded.
// CHECK-LABEL: func.func @far(
// SM80: "cp.async.cg.16.hint"
// SM90-NOT: createpolicy
// SM90-NOT: xor.b32
// SM90: tile_gpu.machine "cp.async.cg.16"(
// CHECK: tile_gpu.machine "ld.global.cs.b16"(
func.func @far(%in: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly}, %half: !tile.ptr<f16> {tile.readonly}, %slot: i32)
    attributes {tile.kernel, tile.num_warps = 1 : i32, tile_gpu.shared_bytes = 66560 : i64} {
  %many = tile.arange 0 to 8192 : tensor<8192xi32, #far>
  %base = tile.splat %in : !tile.ptr<f32> -> tensor<8192x!tile.ptr<f32>, #far>
  %p = tile.addptr %base, %many : tensor<8192x!tile.ptr<f32>, #far>, tensor<8192xi32, #far>
  %ring = tile_gpu.alloc_ring {tile_gpu.shared_offset = 0 : i64} : !tile_gpu.ring<2x8192xf32, #sfar>
  tile_gpu.async_load %p evict_first to %ring[%slot] : tensor<8192x!tile.ptr<f32>, #far> to !tile_gpu.ring<2x8192xf32, #sfar>
  %i = tile.arange 0 to 32 : tensor<32xi32, #narrow>
  %hbase = tile.splat %half : !tile.ptr<f16> -> tensor<32x!tile.ptr<f16>, #narrow>
  %h = tile.addptr %hbase, %i : tensor<32x!tile.ptr<f16>, #narrow>, tensor<32xi32, #narrow>
  %halves = tile_gpu.alloc_ring {tile_gpu.shared_offset = 65536 : i64} : !tile_gpu.ring<2x32xf16, #s32>
  tile_gpu.async_load %h evict_first to %halves[%slot] : tensor<32x!tile.ptr<f16>, #narrow> to !tile_gpu.ring<2x32xf16, #s32>
  tile_gpu.async_commit
  return
}

// CHECK-LABEL: func.func @loads(
// CHECK: tile_gpu.machine "ld.global.cs.nc.v4.b32"(%{{.*}}) : (i64) -> (i32, i32, i32, i32)
// CHECK: tile_gpu.machine "ld.global.cs.v4.b32.pred"(
// CHECK: tile_gpu.machine "ld.global.cs.b32"(
// PTX-LABEL: .entry loads(
// PTX: ld.global.cs.nc.v4.b32 {%r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}, %r{{[0-9]+}}}, [%rd{{[0-9]+}}];
// PTX: @%p{{[0-9]+}} ld.global.cs.v4.b32
// PTX: ld.global.cs.b32
func.func @loads(%in: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly}, %out: !tile.ptr<f32> {tile.divisibility = 16 : i64}, %on: i1)
    attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 128 : tensor<128xi32, #l>
  %base = tile.splat %in : !tile.ptr<f32> -> tensor<128x!tile.ptr<f32>, #l>
  %p = tile.addptr %base, %i : tensor<128x!tile.ptr<f32>, #l>, tensor<128xi32, #l>
  %to = tile.splat %out : !tile.ptr<f32> -> tensor<128x!tile.ptr<f32>, #l>
  %q = tile.addptr %to, %i : tensor<128x!tile.ptr<f32>, #l>, tensor<128xi32, #l>
  %m = tile.splat %on : i1 -> tensor<128xi1, #l>
  %x = tile.load %p evict_first : tensor<128x!tile.ptr<f32>, #l> -> tensor<128xf32, #l>
  %y = tile.load %q mask %m evict_first : tensor<128x!tile.ptr<f32>, #l> -> tensor<128xf32, #l>
  %z = tile.load %out evict_first : !tile.ptr<f32> -> f32
  %zs = tile.splat %z : f32 -> tensor<128xf32, #l>
  %xy = arith.addf %x, %y : tensor<128xf32, #l>
  %xyz = arith.addf %xy, %zs : tensor<128xf32, #l>
  tile.store %q, %xyz : tensor<128x!tile.ptr<f32>, #l>
  return
}
