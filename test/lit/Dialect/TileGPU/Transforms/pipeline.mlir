// RUN: kiln-opt %s --tile-gpu-pipeline | FileCheck %s
// RUN: kiln-opt %s --tile-settle-asserts --tile-gpu-pipeline | FileCheck %s --check-prefix=OFF
// RUN: kiln-opt %s --tile-gpu-pipeline=max-bytes=1100 | FileCheck %s --check-prefix=SMALL
// RUN: kiln-opt %s --tile-gpu-pipeline=max-bytes=2100 | FileCheck %s --check-prefix=BEHIND

#l = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = []>
#half = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [0]], warp = []>
#large = #tile_gpu.layout<register = [[1], [2], [4], [8], [16], [32]], lane = [[64], [128], [256], [512], [1024]], warp = []>
#spread = #tile_gpu.layout<register = [[32], [64]], lane = [[1], [2], [4], [8], [16]], warp = []>

// Three slots: two iterations are started in front of the loop, the third one by the first.

// CHECK-LABEL: @direct(
// CHECK-SAME: %[[N:[a-z0-9]+]]: i32
// CHECK: %[[RING:.*]] = tile_gpu.alloc_ring : <3x128xf32, #shared>
// CHECK: tile_gpu.async_load %{{.*}} mask %{{.*}} to %[[RING]][%c0_i32] {tile_gpu.prologue}
// CHECK-NEXT: tile_gpu.async_commit
// CHECK: tile_gpu.async_load %{{.*}} mask %{{.*}} to %[[RING]][%c1_i32] {tile_gpu.prologue}
// CHECK-NEXT: tile_gpu.async_commit
// CHECK: scf.for %[[I:.*]] = %c0_i32 to %[[N]] step %c1_i32 iter_args(%{{.*}} = %{{.*}}, %[[SLOT:.*]] = %c0_i32)
// CHECK-NEXT: tile_gpu.async_wait 1
// CHECK: arith.addi %[[I]], %c2_i32
// CHECK: tile_gpu.async_load %{{.*}} mask %{{.*}} to %[[RING]][%{{.*}}] {tile_gpu.ahead = 2 : i64, tile_gpu.pipeline = "pipelined in 3 stages"}
// CHECK-NEXT: tile_gpu.async_commit
// CHECK: tile_gpu.ring_load %[[RING]][%[[SLOT]]] {tile_gpu.ahead = 0 : i64} : <3x128xf32, #shared> -> tensor<128xf32, #layout>
// CHECK-NOT: tile.load
// CHECK: scf.yield
// CHECK-NEXT: }
// CHECK-NEXT: tile_gpu.async_wait 0
// CHECK-NEXT: tile.print
// SMALL-LABEL: @direct(
// SMALL: tile_gpu.alloc_ring : <2x128xf32, #shared>
// SMALL: tile_gpu.async_wait 0
// SMALL: "pipelined in 2 stages, as many as fit into shared memory"
func.func @direct(%in: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly}, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c128 = arith.constant 128 : i32
  %zero = arith.constant dense<0.0> : tensor<128xf32, #l>
  %lanes = tile.arange 0 to 128 : tensor<128xi32, #l>
  %base = tile.splat %in : !tile.ptr<f32> -> tensor<128x!tile.ptr<f32>, #l>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> (tensor<128xf32, #l>) : i32 {
    %o = arith.muli %i, %c128 : i32
    %os = tile.splat %o : i32 -> tensor<128xi32, #l>
    %at = arith.addi %os, %lanes : tensor<128xi32, #l>
    %p = tile.addptr %base, %at : tensor<128x!tile.ptr<f32>, #l>, tensor<128xi32, #l>
    %x = tile.load %p : tensor<128x!tile.ptr<f32>, #l> -> tensor<128xf32, #l>
    %next = arith.addf %acc, %x : tensor<128xf32, #l>
    scf.yield %next : tensor<128xf32, #l>
  } {tile.num_stages = 3 : i32}
  tile.print "r", %sum : tensor<128xf32, #l>
  return
}

// The entry of iteration i + 2 is loaded in iteration i; one that is needed in front of the loop, there.

// CHECK-LABEL: @indirect(
// CHECK-COUNT-2: tile.load {{.*}} {tile_gpu.prologue} : !tile.ptr<i32> -> i32
// CHECK-NOT: tile.load
// CHECK: tile_gpu.async_load {{.*}} {tile_gpu.prologue}
// CHECK-NEXT: tile_gpu.async_commit
// CHECK: scf.for {{.*}} %[[ENTRY:.*]] = %{{.*}}) -> (tensor<128xf32, #layout>, i32, i32)
// CHECK-NEXT: tile_gpu.async_wait 0
// CHECK: %[[NEXT:.*]] = tile.load %{{.*}} mask %{{.*}} {tile_gpu.pipeline = "fetched 2 iterations ahead"}
// CHECK: arith.muli %[[ENTRY]], %c128_i32
// CHECK: tile_gpu.async_load {{.*}} {tile_gpu.ahead = 1 : i64, tile_gpu.pipeline = "pipelined in 2 stages"}
// CHECK: scf.yield %{{.*}}, %{{.*}}, %[[NEXT]]
func.func @indirect(%in: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly}, %table: !tile.ptr<i32> {tile.readonly}, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c128 = arith.constant 128 : i32
  %zero = arith.constant dense<0.0> : tensor<128xf32, #l>
  %lanes = tile.arange 0 to 128 : tensor<128xi32, #l>
  %base = tile.splat %in : !tile.ptr<f32> -> tensor<128x!tile.ptr<f32>, #l>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> (tensor<128xf32, #l>) : i32 {
    %e = tile.addptr %table, %i : !tile.ptr<i32>, i32
    %page = tile.load %e : !tile.ptr<i32> -> i32
    %o = arith.muli %page, %c128 : i32
    %os = tile.splat %o : i32 -> tensor<128xi32, #l>
    %at = arith.addi %os, %lanes : tensor<128xi32, #l>
    %p = tile.addptr %base, %at : tensor<128x!tile.ptr<f32>, #l>, tensor<128xi32, #l>
    %x = tile.load %p : tensor<128x!tile.ptr<f32>, #l> -> tensor<128xf32, #l>
    %next = arith.addf %acc, %x : tensor<128xf32, #l>
    scf.yield %next : tensor<128xf32, #l>
  } {tile.num_stages = 2 : i32}
  tile.print "r", %sum : tensor<128xf32, #l>
  return
}

// The copies start before the program waits for something else.

// CHECK-LABEL: @early(
// CHECK: tile_gpu.async_commit
// CHECK: tile_gpu.convert_layout
// CHECK: scf.for
func.func @early(%in: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly}, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c128 = arith.constant 128 : i32
  %lanes = tile.arange 0 to 128 : tensor<128xi32, #l>
  %base = tile.splat %in : !tile.ptr<f32> -> tensor<128x!tile.ptr<f32>, #l>
  %s_lanes = tile.arange 0 to 128 : tensor<128xi32, #spread>
  %s_base = tile.splat %in : !tile.ptr<f32> -> tensor<128x!tile.ptr<f32>, #spread>
  %q_p = tile.addptr %s_base, %s_lanes : tensor<128x!tile.ptr<f32>, #spread>, tensor<128xi32, #spread>
  %q = tile.load %q_p : tensor<128x!tile.ptr<f32>, #spread> -> tensor<128xf32, #spread>
  %q_c = tile_gpu.convert_layout %q : tensor<128xf32, #spread> -> tensor<128xf32, #l>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %q_c) -> (tensor<128xf32, #l>) : i32 {
    %o = arith.muli %i, %c128 : i32
    %os = tile.splat %o : i32 -> tensor<128xi32, #l>
    %at = arith.addi %os, %lanes : tensor<128xi32, #l>
    %p = tile.addptr %base, %at : tensor<128x!tile.ptr<f32>, #l>, tensor<128xi32, #l>
    %x = tile.load %p : tensor<128x!tile.ptr<f32>, #l> -> tensor<128xf32, #l>
    %next = arith.addf %acc, %x : tensor<128xf32, #l>
    scf.yield %next : tensor<128xf32, #l>
  } {tile.num_stages = 2 : i32}
  tile.print "r", %sum : tensor<128xf32, #l>
  return
}

// What the loop wrote is not read early, nor what its address depends on; small elements come through registers.

// CHECK-LABEL: @reasons(
// CHECK-NOT: async
// CHECK-DAG: {tile_gpu.pipeline = "not pipelined because the loop writes to memory, perhaps what it reads"} : tensor<128x!tile.ptr<f32>, #layout>
// CHECK-DAG: {tile_gpu.pipeline = "not pipelined because its address is carried from iteration to iteration"} : !tile.ptr<i32> -> i32
// CHECK-DAG: {tile_gpu.pipeline = "not pipelined because its address is computed by an operation that may not run before its iteration"} : !tile.ptr<i32> -> i32
// CHECK-DAG: {tile_gpu.pipeline = "not pipelined because it stands in a branch or a loop inside the loop"} : !tile.ptr<i32> -> i32
// CHECK-DAG: {tile_gpu.pipeline = "fetched 1 iteration ahead"} : tensor<128x!tile.ptr<i8>, #layout{{.*}}>
// CHECK-NOT: num_stages
func.func @reasons(%io: !tile.ptr<f32> {tile.divisibility = 16 : i64}, %table: !tile.ptr<i32> {tile.readonly}, %small: !tile.ptr<i8> {tile.readonly}, %n: i32, %flag: i1) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c128 = arith.constant 128 : i32
  %lanes = tile.arange 0 to 128 : tensor<128xi32, #l>
  %s_lanes = tile.arange 0 to 128 : tensor<128xi32, #spread>
  %base = tile.splat %io : !tile.ptr<f32> -> tensor<128x!tile.ptr<f32>, #l>
  %s_base = tile.splat %small : !tile.ptr<i8> -> tensor<128x!tile.ptr<i8>, #spread>
  %last = scf.for %i = %c0 to %n step %c1 iter_args(%entry = %c0) -> (i32) : i32 {
    %e = tile.addptr %table, %entry : !tile.ptr<i32>, i32
    %next = tile.load %e : !tile.ptr<i32> -> i32
    %d = arith.divsi %i, %n : i32
    %f = tile.addptr %table, %d : !tile.ptr<i32>, i32
    %other = tile.load %f : !tile.ptr<i32> -> i32
    %sum = arith.addi %next, %other : i32
    %more = scf.if %flag -> (i32) {
      %inner = tile.load %table : !tile.ptr<i32> -> i32
      scf.yield %inner : i32
    } else {
      scf.yield %sum : i32
    }
    %is = tile.splat %i : i32 -> tensor<128xi32, #spread>
    %b_at = arith.addi %is, %s_lanes : tensor<128xi32, #spread>
    %b_p = tile.addptr %s_base, %b_at : tensor<128x!tile.ptr<i8>, #spread>, tensor<128xi32, #spread>
    %b = tile.load %b_p : tensor<128x!tile.ptr<i8>, #spread> -> tensor<128xi8, #spread>
    tile.print "b", %b : tensor<128xi8, #spread>
    %o = arith.muli %i, %c128 : i32
    %os = tile.splat %o : i32 -> tensor<128xi32, #l>
    %at = arith.addi %os, %lanes : tensor<128xi32, #l>
    %p = tile.addptr %base, %at : tensor<128x!tile.ptr<f32>, #l>, tensor<128xi32, #l>
    %x = tile.load %p : tensor<128x!tile.ptr<f32>, #l> -> tensor<128xf32, #l>
    %y = arith.addf %x, %x : tensor<128xf32, #l>
    tile.store %p, %y : tensor<128x!tile.ptr<f32>, #l>
    scf.yield %more : i32
  } {tile.num_stages = 3 : i32}
  tile.print "r", %last : i32
  return
}

// Too large for registers, and with elements that cannot be copied.

// CHECK-LABEL: @large(
// CHECK-NOT: async
// CHECK: tile_gpu.pipeline = "not pipelined because elements that are off get a value other than 0"
func.func @large(%in: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly}, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %one = arith.constant dense<1.0> : tensor<2048xf32, #large>
  %lanes = tile.arange 0 to 2048 : tensor<2048xi32, #large>
  %base = tile.splat %in : !tile.ptr<f32> -> tensor<2048x!tile.ptr<f32>, #large>
  %p = tile.addptr %base, %lanes : tensor<2048x!tile.ptr<f32>, #large>, tensor<2048xi32, #large>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %one) -> (tensor<2048xf32, #large>) : i32 {
    %is = tile.splat %i : i32 -> tensor<2048xi32, #large>
    %m = arith.cmpi slt, %lanes, %is : tensor<2048xi32, #large>
    %x = tile.load %p mask %m other %one : tensor<2048x!tile.ptr<f32>, #large> -> tensor<2048xf32, #large>
    %next = arith.addf %acc, %x : tensor<2048xf32, #large>
    scf.yield %next : tensor<2048xf32, #large>
  } {tile.num_stages = 2 : i32}
  tile.print "r", %sum : tensor<2048xf32, #large>
  return
}

// Loads do not pass assertions, or calls that may end the launch. Copies of elements that several threads hold would be
// in each other's way: such tiles come through registers.

// CHECK-LABEL: @asserted(
// CHECK: tile_gpu.pipeline = "not pipelined because the loop has assertions or impure calls, which come first"
// OFF-LABEL: @asserted(
// OFF: tile_gpu.pipeline = "fetched 1 iteration ahead"
func.func @asserted(%in: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly}, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c64 = arith.constant 64 : i32
  %zero = arith.constant dense<0.0> : tensor<64xf32, #half>
  %lanes = tile.arange 0 to 64 : tensor<64xi32, #half>
  %base = tile.splat %in : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>, #half>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> (tensor<64xf32, #half>) : i32 {
    %ok = arith.cmpi slt, %i, %c64 : i32
    tile.assert %ok, "too many" : i1
    %o = arith.muli %i, %c64 : i32
    %os = tile.splat %o : i32 -> tensor<64xi32, #half>
    %at = arith.addi %os, %lanes : tensor<64xi32, #half>
    %p = tile.addptr %base, %at : tensor<64x!tile.ptr<f32>, #half>, tensor<64xi32, #half>
    %x = tile.load %p : tensor<64x!tile.ptr<f32>, #half> -> tensor<64xf32, #half>
    %next = arith.addf %acc, %x : tensor<64xf32, #half>
    scf.yield %next : tensor<64xf32, #half>
  } {tile.num_stages = 2 : i32}
  tile.print "r", %sum : tensor<64xf32, #half>
  return
}

func.func private @checked_index(i32) -> i32
func.func private @index(i32) -> i32

// CHECK-LABEL: @calling(
// CHECK: tile_gpu.pipeline = "not pipelined because the loop has assertions or impure calls, which come first"
func.func @calling(%table: !tile.ptr<i32> {tile.readonly}, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %last = scf.for %i = %c0 to %n step %c1 iter_args(%sum = %c0) -> (i32) : i32 {
    %j = tile.extern_call @checked_index(%i) : (i32) -> i32
    %e = tile.addptr %table, %i : !tile.ptr<i32>, i32
    %x = tile.load %e : !tile.ptr<i32> -> i32
    %next = arith.addi %sum, %x : i32
    scf.yield %next : i32
  } {tile.num_stages = 2 : i32}
  tile.print "r", %last : i32
  return
}

// CHECK-LABEL: @calling_pure(
// CHECK: tile_gpu.pipeline = "fetched 1 iteration ahead"
func.func @calling_pure(%table: !tile.ptr<i32> {tile.readonly}, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %last = scf.for %i = %c0 to %n step %c1 iter_args(%sum = %c0) -> (i32) : i32 {
    %j = tile.extern_call @index(%i) pure : (i32) -> i32
    %e = tile.addptr %table, %i : !tile.ptr<i32>, i32
    %x = tile.load %e : !tile.ptr<i32> -> i32
    %more = arith.addi %x, %j : i32
    %next = arith.addi %sum, %more : i32
    scf.yield %next : i32
  } {tile.num_stages = 2 : i32}
  tile.print "r", %last : i32
  return
}

// One stage is no pipeline.

// CHECK-LABEL: @one(
// CHECK-NOT: tile_gpu
// CHECK: tile.load %{{.*}} : !tile.ptr<i32> -> i32
func.func @one(%table: !tile.ptr<i32> {tile.readonly}, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %last = scf.for %i = %c0 to %n step %c1 iter_args(%sum = %c0) -> (i32) : i32 {
    %e = tile.addptr %table, %i : !tile.ptr<i32>, i32
    %x = tile.load %e : !tile.ptr<i32> -> i32
    %next = arith.addi %sum, %x : i32
    scf.yield %next : i32
  } {tile.num_stages = 1 : i32}
  tile.print "r", %last : i32
  return
}

// A pointer and a number that grow by the same in each iteration: those of iteration i + 2 are two of them further on.
// The distance of pointers is scaled in 64 bits.

// CHECK-LABEL: @advancing(
// CHECK-SAME: %[[IN:[a-z0-9]+]]: !tile.ptr<f32>{{.*}}, %[[N:[a-z0-9]+]]: i32, %[[D:[a-z0-9]+]]: i32
// CHECK: %[[WIDE:.*]] = arith.extsi %[[D]] : i32 to i64
// CHECK: %[[TWICE:.*]] = arith.muli %[[WIDE]], %c2_i64 : i64
// CHECK: %[[FURTHER:.*]] = tile.splat %[[TWICE]] : i64
// CHECK: scf.for {{.*}} iter_args(%{{[a-z0-9]+}} = %{{[a-z0-9_]+}}, %[[P:[a-z0-9]+]] = %{{[a-z0-9]+}}, %[[O:[a-z0-9]+]] = %c0_i32
// CHECK-NEXT: tile_gpu.async_wait 1
// CHECK-DAG: %[[AHEAD:.*]] = tile.addptr %[[P]], %[[FURTHER]]
// CHECK-DAG: tile_gpu.async_load %[[AHEAD]]
// CHECK-DAG: %[[NUMBER:.*]] = arith.addi %[[O]], %c256_i32
// CHECK-DAG: %[[NUMBERS:.*]] = tile.splat %[[NUMBER]]
// CHECK-DAG: %[[Q:.*]] = tile.addptr %{{.*}}, %[[NUMBERS]]
// CHECK-DAG: tile_gpu.async_load %[[Q]]
// CHECK-NOT: tile.load
// CHECK: scf.yield
func.func @advancing(%in: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly}, %n: i32, %d: i32 {tile.divisibility = 16 : i64}) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c128 = arith.constant 128 : i32
  %zero = arith.constant dense<0.0> : tensor<128xf32, #l>
  %lanes = tile.arange 0 to 128 : tensor<128xi32, #l>
  %splat = tile.splat %in : !tile.ptr<f32> -> tensor<128x!tile.ptr<f32>, #l>
  %base = tile.addptr %splat, %lanes : tensor<128x!tile.ptr<f32>, #l>, tensor<128xi32, #l>
  %ds = tile.splat %d : i32 -> tensor<128xi32, #l>
  %sum:3 = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero, %p = %base, %o = %c0) -> (tensor<128xf32, #l>, tensor<128x!tile.ptr<f32>, #l>, i32) : i32 {
    %x = tile.load %p : tensor<128x!tile.ptr<f32>, #l> -> tensor<128xf32, #l>
    %os = tile.splat %o : i32 -> tensor<128xi32, #l>
    %q = tile.addptr %base, %os : tensor<128x!tile.ptr<f32>, #l>, tensor<128xi32, #l>
    %y = tile.load %q : tensor<128x!tile.ptr<f32>, #l> -> tensor<128xf32, #l>
    %both = arith.addf %x, %y : tensor<128xf32, #l>
    %next = arith.addf %acc, %both : tensor<128xf32, #l>
    %p_next = tile.addptr %p, %ds : tensor<128x!tile.ptr<f32>, #l>, tensor<128xi32, #l>
    %o_next = arith.addi %o, %c128 : i32
    scf.yield %next, %p_next, %o_next : tensor<128xf32, #l>, tensor<128x!tile.ptr<f32>, #l>, i32
  } {tile.num_stages = 3 : i32}
  tile.print "r", %sum#0 : tensor<128xf32, #l>
  return
}

// 1 KB for a conversion behind the loop is no loss for the ring of 2 KB: it has its room then.

#two_warps = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = [[128]]>
#other = #tile_gpu.layout<register = [[64], [128]], lane = [[1], [2], [4], [8], [16]], warp = [[32]]>

// BEHIND-LABEL: @behind(
// BEHIND: tile_gpu.alloc_ring : <2x256xf32, #shared
// BEHIND: "pipelined in 2 stages"
// BEHIND: tile_gpu.convert_layout
func.func @behind(%in: !tile.ptr<f32> {tile.divisibility = 16 : i64, tile.readonly}, %n: i32) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c256 = arith.constant 256 : i32
  %zero = arith.constant dense<0.0> : tensor<256xf32, #two_warps>
  %lanes = tile.arange 0 to 256 : tensor<256xi32, #two_warps>
  %base = tile.splat %in : !tile.ptr<f32> -> tensor<256x!tile.ptr<f32>, #two_warps>
  %sum = scf.for %i = %c0 to %n step %c1 iter_args(%acc = %zero) -> (tensor<256xf32, #two_warps>) : i32 {
    %o = arith.muli %i, %c256 : i32
    %os = tile.splat %o : i32 -> tensor<256xi32, #two_warps>
    %at = arith.addi %os, %lanes : tensor<256xi32, #two_warps>
    %p = tile.addptr %base, %at : tensor<256x!tile.ptr<f32>, #two_warps>, tensor<256xi32, #two_warps>
    %x = tile.load %p : tensor<256x!tile.ptr<f32>, #two_warps> -> tensor<256xf32, #two_warps>
    %next = arith.addf %acc, %x : tensor<256xf32, #two_warps>
    scf.yield %next : tensor<256xf32, #two_warps>
  } {tile.num_stages = 2 : i32}
  %moved = tile_gpu.convert_layout %sum : tensor<256xf32, #two_warps> -> tensor<256xf32, #other>
  tile.print "r", %moved : tensor<256xf32, #other>
  return
}
