// RUN: kiln-opt %s --tile-gpu-lower-to-threads --canonicalize --cse --split-input-file | FileCheck %s

#v = #tile_gpu.layout<register = [[1], [2], [4], [256]], lane = [[8], [16], [32], [64], [128]], warp = []>

// Eight halves are four words, twice. What is off yields `other`, packed like what is loaded.
// CHECK-LABEL: func.func @halves(
// CHECK-SAME: %[[X:[a-z0-9]+]]: i64 {{.*}}, %[[Y:[a-z0-9]+]]: i64 {{.*}}, %[[N:[a-z0-9]+]]: i32
// CHECK: %[[ONE:.*]] = arith.constant 15360 : i16
// CHECK: %[[TID:.*]] = tile_gpu.machine "tid.x"
// CHECK: %[[I:.*]] = arith.shli %[[TID]]
// CHECK: %[[J:.*]] = arith.addi %[[I]], %{{.*}} : i32
// CHECK: %[[M:.*]] = arith.cmpi slt, %[[I]], %[[N]]
// CHECK: %[[FROM:.*]] = arith.addi %[[X]]
// CHECK: %[[TO:.*]] = arith.addi %[[Y]]
// CHECK: %[[O:.*]] = tile_gpu.machine "pack.b16x2"(%[[ONE]], %[[ONE]])
// CHECK: %[[W:.*]]:4 = tile_gpu.machine "ld.global.nc.v4.b32.pred"(%[[FROM]], %[[M]], %[[O]], %[[O]], %[[O]], %[[O]])
// CHECK: %[[E0:.*]]:2 = tile_gpu.machine "unpack.b16x2"(%[[W]]#0)
// CHECK: tile_gpu.machine "unpack.b16x2"(%[[W]]#1)
// CHECK: tile_gpu.machine "unpack.b16x2"(%[[W]]#2)
// CHECK: tile_gpu.machine "unpack.b16x2"(%[[W]]#3)
// CHECK: "ld.global.nc.v4.b32.pred"
// CHECK: %[[P0:.*]] = tile_gpu.machine "pack.b16x2"(%[[E0]]#0, %[[E0]]#1)
// CHECK: tile_gpu.machine "st.global.v4.b32.pred"(%[[TO]], %[[M]], %[[P0]], %{{.*}}, %{{.*}}, %{{.*}})
// CHECK: tile_gpu.machine "st.global.v4.b32.pred"
// CHECK-NOT: st.global
func.func @halves(%x: !tile.ptr<f16> {tile.readonly, tile.divisibility = 16 : i64}, %y: !tile.ptr<f16> {tile.divisibility = 16 : i64},
                  %n: i32 {tile.divisibility = 16 : i64}) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 512 : tensor<512xi32, #v>
  %ns = tile.splat %n : i32 -> tensor<512xi32, #v>
  %m = arith.cmpi slt, %i, %ns : tensor<512xi32, #v>
  %xs = tile.splat %x : !tile.ptr<f16> -> tensor<512x!tile.ptr<f16>, #v>
  %from = tile.addptr %xs, %i : tensor<512x!tile.ptr<f16>, #v>, tensor<512xi32, #v>
  %ys = tile.splat %y : !tile.ptr<f16> -> tensor<512x!tile.ptr<f16>, #v>
  %to = tile.addptr %ys, %i : tensor<512x!tile.ptr<f16>, #v>, tensor<512xi32, #v>
  %one = arith.constant dense<1.0> : tensor<512xf16, #v>
  %v = tile.load %from mask %m other %one : tensor<512x!tile.ptr<f16>, #v> -> tensor<512xf16, #v>
  tile.store %to, %v mask %m : tensor<512x!tile.ptr<f16>, #v>
  return
}

// -----

#v = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = []>

// Without `other` it is zero. A mask that may differ between neighbours: one element at a time.
// CHECK-LABEL: func.func @masked(
// CHECK-SAME: %[[X:[a-z0-9]+]]: i64 {{.*}}, %[[N:[a-z0-9]+]]: i32
// CHECK: %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK-COUNT-4: tile_gpu.machine "ld.global.b32.pred"(%{{.*}}, %{{.*}}, %[[ZERO]])
// CHECK-COUNT-4: tile_gpu.machine "st.global.b32.pred"
// CHECK-NOT: "{{ld|st}}.global
func.func @masked(%x: !tile.ptr<f32> {tile.divisibility = 16 : i64}, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 128 : tensor<128xi32, #v>
  %ns = tile.splat %n : i32 -> tensor<128xi32, #v>
  %m = arith.cmpi slt, %i, %ns : tensor<128xi32, #v>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<128x!tile.ptr<f32>, #v>
  %p = tile.addptr %xs, %i : tensor<128x!tile.ptr<f32>, #v>, tensor<128xi32, #v>
  %v = tile.load %p mask %m : tensor<128x!tile.ptr<f32>, #v> -> tensor<128xf32, #v>
  tile.store %p, %v mask %m : tensor<128x!tile.ptr<f32>, #v>
  return
}

// -----

#v = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = []>

// A mask that is true throughout is none.
// CHECK-LABEL: func.func @always(
// CHECK: tile_gpu.machine "ld.global.v4.b32"(
// CHECK: tile_gpu.machine "st.global.v4.b32"(
func.func @always(%x: !tile.ptr<f32> {tile.divisibility = 16 : i64}) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 128 : tensor<128xi32, #v>
  %ns = arith.constant dense<128> : tensor<128xi32, #v>
  %m = arith.cmpi slt, %i, %ns : tensor<128xi32, #v>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<128x!tile.ptr<f32>, #v>
  %p = tile.addptr %xs, %i : tensor<128x!tile.ptr<f32>, #v>, tensor<128xi32, #v>
  %v = tile.load %p mask %m : tensor<128x!tile.ptr<f32>, #v> -> tensor<128xf32, #v>
  tile.store %p, %v mask %m : tensor<128x!tile.ptr<f32>, #v>
  return
}

// -----

#v = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = []>

// Neighbours in the wrong direction, every second element, addresses of unknown alignment: element by element.
// CHECK-LABEL: func.func @strides(
// CHECK-COUNT-4: tile_gpu.machine "ld.global.b32"(
// CHECK-COUNT-4: tile_gpu.machine "ld.global.b32"(
// CHECK-COUNT-4: tile_gpu.machine "st.global.b32"(
// CHECK-COUNT-4: tile_gpu.machine "st.global.b32"(
// CHECK-NOT: "{{ld|st}}.global
func.func @strides(%x: !tile.ptr<i32> {tile.divisibility = 16 : i64}, %y: !tile.ptr<i32>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 128 : tensor<128xi32, #v>
  %last = arith.constant dense<127> : tensor<128xi32, #v>
  %back = arith.subi %last, %i : tensor<128xi32, #v>
  %twice = arith.addi %i, %i : tensor<128xi32, #v>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<128x!tile.ptr<i32>, #v>
  %ys = tile.splat %y : !tile.ptr<i32> -> tensor<128x!tile.ptr<i32>, #v>
  %p = tile.addptr %xs, %back : tensor<128x!tile.ptr<i32>, #v>, tensor<128xi32, #v>
  %q = tile.addptr %xs, %twice : tensor<128x!tile.ptr<i32>, #v>, tensor<128xi32, #v>
  %r = tile.addptr %ys, %i : tensor<128x!tile.ptr<i32>, #v>, tensor<128xi32, #v>
  %v = tile.load %p : tensor<128x!tile.ptr<i32>, #v> -> tensor<128xi32, #v>
  %w = tile.load %q : tensor<128x!tile.ptr<i32>, #v> -> tensor<128xi32, #v>
  tile.store %r, %v : tensor<128x!tile.ptr<i32>, #v>
  tile.store %r, %w : tensor<128x!tile.ptr<i32>, #v>
  return
}

// -----

#v = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = []>

// The vector starts one element off its alignment.
// CHECK-LABEL: func.func @offset(
// CHECK-COUNT-4: tile_gpu.machine "ld.global.b32"(
// CHECK: tile_gpu.machine "ld.global.v2.b32"(
// CHECK-NEXT: tile_gpu.machine "ld.global.v2.b32"(
// CHECK-NOT: "ld.global
func.func @offset(%x: !tile.ptr<i32> {tile.divisibility = 16 : i64}) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 1 to 129 : tensor<128xi32, #v>
  %j = tile.arange 2 to 130 : tensor<128xi32, #v>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<128x!tile.ptr<i32>, #v>
  %p = tile.addptr %xs, %i : tensor<128x!tile.ptr<i32>, #v>, tensor<128xi32, #v>
  %q = tile.addptr %xs, %j : tensor<128x!tile.ptr<i32>, #v>, tensor<128xi32, #v>
  %v = tile.load %p : tensor<128x!tile.ptr<i32>, #v> -> tensor<128xi32, #v>
  %w = tile.load %q : tensor<128x!tile.ptr<i32>, #v> -> tensor<128xi32, #v>
  tile.print "", %v, %w : tensor<128xi32, #v>, tensor<128xi32, #v>
  return
}

// -----

#bytes = #tile_gpu.layout<register = [[1], [2], [4], [8]], lane = [[16], [32], [64], [128], [256]], warp = []>
#pair = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = []>

// Sixteen bytes at once, and two; a boolean is a byte that is not 0, and is written as 0 or 1.
// CHECK-LABEL: func.func @bytes(
// CHECK: %[[ZERO:.*]] = arith.constant 0 : i8
// CHECK: %[[W:.*]]:4 = tile_gpu.machine "ld.global.v4.b32"
// CHECK: %[[E:.*]]:4 = tile_gpu.machine "unpack.b8x4"(%[[W]]#0)
// CHECK: %[[P:.*]] = tile_gpu.machine "pack.b8x4"(%[[E]]#0, %[[E]]#1, %[[E]]#2, %[[E]]#3)
// CHECK: tile_gpu.machine "st.global.v4.b32"(%{{.*}}, %[[P]],
// CHECK: %[[H:.*]] = tile_gpu.machine "ld.global.b16"(
// CHECK: %[[B:.*]]:2 = tile_gpu.machine "unpack.b8x2"(%[[H]]) : (i16) -> (i8, i8)
// CHECK: %[[B0:.*]] = arith.cmpi ne, %[[B]]#0, %[[ZERO]] : i8
// CHECK: %[[B1:.*]] = arith.cmpi ne, %[[B]]#1, %[[ZERO]] : i8
// CHECK: %[[S0:.*]] = arith.extui %[[B0]] : i1 to i8
// CHECK: %[[S1:.*]] = arith.extui %[[B1]] : i1 to i8
// CHECK: %[[S:.*]] = tile_gpu.machine "pack.b8x2"(%[[S0]], %[[S1]]) : (i8, i8) -> i16
// CHECK: tile_gpu.machine "st.global.b16"(%{{.*}}, %[[S]])
func.func @bytes(%x: !tile.ptr<i8> {tile.divisibility = 16 : i64}, %b: !tile.ptr<i1> {tile.divisibility = 16 : i64})
    attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 512 : tensor<512xi32, #bytes>
  %xs = tile.splat %x : !tile.ptr<i8> -> tensor<512x!tile.ptr<i8>, #bytes>
  %p = tile.addptr %xs, %i : tensor<512x!tile.ptr<i8>, #bytes>, tensor<512xi32, #bytes>
  %v = tile.load %p : tensor<512x!tile.ptr<i8>, #bytes> -> tensor<512xi8, #bytes>
  tile.store %p, %v : tensor<512x!tile.ptr<i8>, #bytes>
  %j = tile.arange 0 to 64 : tensor<64xi32, #pair>
  %bs = tile.splat %b : !tile.ptr<i1> -> tensor<64x!tile.ptr<i1>, #pair>
  %q = tile.addptr %bs, %j : tensor<64x!tile.ptr<i1>, #pair>, tensor<64xi32, #pair>
  %w = tile.load %q : tensor<64x!tile.ptr<i1>, #pair> -> tensor<64xi1, #pair>
  tile.store %q, %w : tensor<64x!tile.ptr<i1>, #pair>
  return
}

// -----

#v = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = []>

// 64-bit elements go by two.
// CHECK-LABEL: func.func @doubles(
// CHECK-COUNT-2: tile_gpu.machine "ld.global.v2.b64"(%{{.*}}) : (i64) -> (i64, i64)
// CHECK-COUNT-2: tile_gpu.machine "st.global.v2.b64"
func.func @doubles(%x: !tile.ptr<f64> {tile.divisibility = 16 : i64}) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 128 : tensor<128xi64, #v>
  %xs = tile.splat %x : !tile.ptr<f64> -> tensor<128x!tile.ptr<f64>, #v>
  %p = tile.addptr %xs, %i : tensor<128x!tile.ptr<f64>, #v>, tensor<128xi64, #v>
  %v = tile.load %p : tensor<128x!tile.ptr<f64>, #v> -> tensor<128xf64, #v>
  %w = arith.addf %v, %v : tensor<128xf64, #v>
  tile.store %p, %w : tensor<128x!tile.ptr<f64>, #v>
  return
}

// -----

// The registers that count along dimension 0 are neither first nor in order; registers 0, 4, 1, 5 are neighbours.
#t = #tile_gpu.layout<register = [[2, 0], [0, 8], [1, 0]], lane = [[4, 0], [8, 0], [0, 1], [0, 2], [0, 4]], warp = []>
#r = #tile_gpu.layout<register = [[0, 2], [8, 0], [0, 1]], lane = [[0, 4], [0, 8], [1, 0], [2, 0], [4, 0]], warp = []>
#flat = #tile_gpu.layout<register = [[2], [128], [1]], lane = [[4], [8], [16], [32], [64]], warp = []>

// CHECK-LABEL: func.func @transposed(
// CHECK: %[[A:.*]]:4 = tile_gpu.machine "ld.global.v4.b32"
// CHECK: %[[B:.*]]:4 = tile_gpu.machine "ld.global.v4.b32"
// CHECK: tile_gpu.machine "st.global.v4.b32"(%{{.*}}, %[[A]]#0, %[[A]]#1, %[[A]]#2, %[[A]]#3)
// CHECK: tile_gpu.machine "st.global.v4.b32"(%{{.*}}, %[[B]]#0, %[[B]]#1, %[[B]]#2, %[[B]]#3)
// Register by register, in their own order.
// CHECK: scf.yield %[[A]]#0, %[[A]]#2, %[[B]]#0, %[[B]]#2, %[[A]]#1, %[[A]]#3, %[[B]]#1, %[[B]]#3
func.func @transposed(%x: !tile.ptr<i32> {tile.divisibility = 16 : i64}, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 256 : tensor<256xi32, #flat>
  %j = tile.reshape %i : tensor<256xi32, #flat> -> tensor<16x16xi32, #r>
  %o = tile.trans %j [1, 0] : tensor<16x16xi32, #r> -> tensor<16x16xi32, #t>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<16x16x!tile.ptr<i32>, #t>
  %p = tile.addptr %xs, %o : tensor<16x16x!tile.ptr<i32>, #t>, tensor<16x16xi32, #t>
  %zero = arith.constant dense<0> : tensor<16x16xi32, #t>
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %u = scf.for %k = %c0 to %n step %c1 iter_args(%w = %zero) -> tensor<16x16xi32, #t> : i32 {
    %v = tile.load %p : tensor<16x16x!tile.ptr<i32>, #t> -> tensor<16x16xi32, #t>
    tile.store %p, %v : tensor<16x16x!tile.ptr<i32>, #t>
    scf.yield %v : tensor<16x16xi32, #t>
  }
  tile.store %p, %u : tensor<16x16x!tile.ptr<i32>, #t>
  return
}

// -----

// Neighbours swap places in half of the lanes: no vector.
#swizzled = #tile_gpu.layout<register = [[1], [2]], lane = [[5], [8], [16], [32], [64]], warp = []>

// CHECK-LABEL: func.func @swizzled(
// CHECK-COUNT-4: tile_gpu.machine "ld.global.b32"(
// CHECK-COUNT-4: tile_gpu.machine "st.global.b32"(
func.func @swizzled(%x: !tile.ptr<i32> {tile.divisibility = 16 : i64}) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 128 : tensor<128xi32, #swizzled>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<128x!tile.ptr<i32>, #swizzled>
  %p = tile.addptr %xs, %i : tensor<128x!tile.ptr<i32>, #swizzled>, tensor<128xi32, #swizzled>
  %v = tile.load %p : tensor<128x!tile.ptr<i32>, #swizzled> -> tensor<128xi32, #swizzled>
  tile.store %p, %v : tensor<128x!tile.ptr<i32>, #swizzled>
  return
}

// -----

// Lanes 8 to 31 and the second warp hold copies: they load, but only the owners store, where the mask lets them.
#copies = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [0], [0]], warp = [[0]]>

// CHECK-LABEL: func.func @copies(
// CHECK-DAG: %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK-DAG: %[[BITS:.*]] = arith.constant 56 : i32
// CHECK: %[[TID:.*]] = tile_gpu.machine "tid.x"
// CHECK: %[[M:.*]] = arith.cmpi slt
// CHECK: tile_gpu.machine "ld.global.v2.b32.pred"(%{{.*}}, %[[M]],
// CHECK: %[[COPY:.*]] = arith.andi %[[TID]], %[[BITS]]
// CHECK: %[[OWNER:.*]] = arith.cmpi eq, %[[COPY]], %[[ZERO]]
// CHECK: %[[ON:.*]] = arith.andi %[[OWNER]], %[[M]] : i1
// CHECK: tile_gpu.machine "st.global.v2.b32.pred"(%{{.*}}, %[[ON]],
// CHECK: tile_gpu.machine "st.global.v2.b32.pred"(%{{.*}}, %[[OWNER]],
func.func @copies(%x: !tile.ptr<i32> {tile.divisibility = 16 : i64}, %n: i32 {tile.divisibility = 2 : i64})
    attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %i = tile.arange 0 to 16 : tensor<16xi32, #copies>
  %ns = tile.splat %n : i32 -> tensor<16xi32, #copies>
  %m = arith.cmpi slt, %i, %ns : tensor<16xi32, #copies>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<16x!tile.ptr<i32>, #copies>
  %p = tile.addptr %xs, %i : tensor<16x!tile.ptr<i32>, #copies>, tensor<16xi32, #copies>
  %v = tile.load %p mask %m : tensor<16x!tile.ptr<i32>, #copies> -> tensor<16xi32, #copies>
  tile.store %p, %v mask %m : tensor<16x!tile.ptr<i32>, #copies>
  tile.store %p, %v : tensor<16x!tile.ptr<i32>, #copies>
  return
}

// -----

// A scalar is loaded by all threads and stored by one. A pointer that loops carry keeps what is known of it.
// CHECK-LABEL: func.func @scalars(
// CHECK-SAME: %[[X:[a-z0-9]+]]: i64, %[[Y:[a-z0-9]+]]: i64, %[[M:[a-z0-9]+]]: i1, %[[N:[a-z0-9]+]]: i32
// CHECK: %[[ONE:.*]] = arith.constant 1.0
// CHECK: %[[BITS:.*]] = tile_gpu.machine "ld.global.nc.b32"(%[[X]]) : (i64) -> i32
// CHECK: %[[V:.*]] = arith.bitcast %[[BITS]] : i32 to f32
// CHECK: tile_gpu.machine "ld.global.b32.pred"(%[[Y]], %[[M]], %[[BITS]]) : (i64, i1, i32) -> i32
// CHECK: %[[FIRST:.*]] = arith.cmpi eq, %{{.*}}, %{{.*}} : i32
// CHECK: tile_gpu.machine "st.global.b32.pred"(%[[Y]], %[[FIRST]], %{{.*}}) : (i64, i1, i32) -> ()
// CHECK: %[[ON:.*]] = arith.andi %[[FIRST]], %[[M]] : i1
// CHECK: tile_gpu.machine "st.global.b32.pred"(%[[Y]], %[[ON]], %{{.*}})
// CHECK: scf.for
// CHECK: tile_gpu.machine "ld.global.nc.b32"
func.func @scalars(%x: !tile.ptr<f32> {tile.readonly}, %y: !tile.ptr<f32>, %m: i1, %n: i32)
    attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %one = arith.constant 1.0 : f32
  %v = tile.load %x : !tile.ptr<f32> -> f32
  %w = tile.load %y mask %m other %v : !tile.ptr<f32> -> f32
  %s = arith.addf %v, %one : f32
  tile.store %y, %s : !tile.ptr<f32>
  tile.store %y, %w mask %m : !tile.ptr<f32>
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %end:2 = scf.for %i = %c0 to %n step %c1 iter_args(%p = %x, %sum = %w) -> (!tile.ptr<f32>, f32) : i32 {
    %next = tile.addptr %p, %i : !tile.ptr<f32>, i32
    %a = tile.load %p : !tile.ptr<f32> -> f32
    %b = arith.addf %a, %sum : f32
    scf.yield %next, %b : !tile.ptr<f32>, f32
  }
  tile.store %y, %end#1 : !tile.ptr<f32>
  return
}

// -----

// Pointers and mask that registers share are loaded through once.
#rows = #tile_gpu.layout<register = [[0, 1], [0, 2], [8, 0]], lane = [[0, 4], [0, 8], [1, 0], [2, 0], [4, 0]], warp = []>
#column = #tile_gpu.layout<register = [[8, 0]], lane = [[0, 0], [0, 0], [1, 0], [2, 0], [4, 0]], warp = []>
#flat = #tile_gpu.layout<register = [[8]], lane = [[0], [0], [1], [2], [4]], warp = []>

// CHECK-LABEL: func.func @broadcast(
// CHECK-COUNT-2: "ld.global.b32"
// CHECK-NOT: "ld.global
func.func @broadcast(%x: !tile.ptr<i32>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 16 : tensor<16xi32, #flat>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<16x!tile.ptr<i32>, #flat>
  %p = tile.addptr %xs, %i : tensor<16x!tile.ptr<i32>, #flat>, tensor<16xi32, #flat>
  %c = tile.expand_dims %p axis 1 : tensor<16x!tile.ptr<i32>, #flat> -> tensor<16x1x!tile.ptr<i32>, #column>
  %b = tile.broadcast %c : tensor<16x1x!tile.ptr<i32>, #column> -> tensor<16x16x!tile.ptr<i32>, #rows>
  %v = tile.load %b : tensor<16x16x!tile.ptr<i32>, #rows> -> tensor<16x16xi32, #rows>
  tile.store %b, %v : tensor<16x16x!tile.ptr<i32>, #rows>
  return
}

// -----

// So are elements that are known to have the same place, here four in turn, if the mask is the same for them; whose
// place in the tile the lanes decide as well.
#runs = #tile_gpu.layout<register = [[1], [2], [4]], lane = [[8], [16], [32], [0], [0]], warp = []>
#apart = #tile_gpu.layout<register = [[2], [8], [32]], lane = [[1], [4], [16], [0], [0]], warp = []>

// CHECK-LABEL: func.func @same_entries(
// CHECK-COUNT-2: "ld.global.b32.pred"
// CHECK-NOT: "ld.global
// CHECK-LABEL: func.func @half_of_each_run(
// CHECK-COUNT-4: "ld.global.b32"
// CHECK-NOT: "ld.global
// CHECK-LABEL: func.func @other_masks(
// CHECK-COUNT-8: "ld.global.b32.pred"
func.func @same_entries(%x: !tile.ptr<i32>, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 64 : tensor<64xi32, #runs>
  %c2 = arith.constant dense<2> : tensor<64xi32, #runs>
  %entry = arith.shrsi %i, %c2 : tensor<64xi32, #runs>
  %ns = tile.splat %n : i32 -> tensor<64xi32, #runs>
  %on = arith.cmpi slt, %entry, %ns : tensor<64xi32, #runs>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<64x!tile.ptr<i32>, #runs>
  %p = tile.addptr %xs, %entry : tensor<64x!tile.ptr<i32>, #runs>, tensor<64xi32, #runs>
  %v = tile.load %p mask %on : tensor<64x!tile.ptr<i32>, #runs> -> tensor<64xi32, #runs>
  tile.store %p, %v : tensor<64x!tile.ptr<i32>, #runs>
  return
}
func.func @half_of_each_run(%x: !tile.ptr<i32>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 64 : tensor<64xi32, #apart>
  %c2 = arith.constant dense<2> : tensor<64xi32, #apart>
  %entry = arith.shrsi %i, %c2 : tensor<64xi32, #apart>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<64x!tile.ptr<i32>, #apart>
  %p = tile.addptr %xs, %entry : tensor<64x!tile.ptr<i32>, #apart>, tensor<64xi32, #apart>
  %v = tile.load %p : tensor<64x!tile.ptr<i32>, #apart> -> tensor<64xi32, #apart>
  tile.store %p, %v : tensor<64x!tile.ptr<i32>, #apart>
  return
}
func.func @other_masks(%x: !tile.ptr<i32>, %n: i32) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 64 : tensor<64xi32, #runs>
  %c2 = arith.constant dense<2> : tensor<64xi32, #runs>
  %entry = arith.shrsi %i, %c2 : tensor<64xi32, #runs>
  %ns = tile.splat %n : i32 -> tensor<64xi32, #runs>
  %on = arith.cmpi slt, %i, %ns : tensor<64xi32, #runs>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<64x!tile.ptr<i32>, #runs>
  %p = tile.addptr %xs, %entry : tensor<64x!tile.ptr<i32>, #runs>, tensor<64xi32, #runs>
  %v = tile.load %p mask %on : tensor<64x!tile.ptr<i32>, #runs> -> tensor<64xi32, #runs>
  tile.store %p, %v : tensor<64x!tile.ptr<i32>, #runs>
  return
}
