// RUN: kiln-opt %s --tile-gpu-coalesce --split-input-file | FileCheck %s

// Sixteen aligned bytes a thread: load and store agree.
// CHECK{LITERAL}: #layout = #tile_gpu.layout<register = [[1], [2], [1024]], lane = [[4], [8], [16], [32], [64]], warp = [[128], [256], [512]]>
// CHECK-LABEL: func.func @copy(
// CHECK: tile.load {{.*}} {tile_gpu.layout = #layout}
// CHECK: tile.store {{.*}} {tile_gpu.layout = #layout}
func.func @copy(%x: !tile.ptr<f32> {tile.divisibility = 16 : i64}, %y: !tile.ptr<f32> {tile.divisibility = 16 : i64})
    attributes {tile.kernel, tile.num_warps = 8 : i32} {
  %i = tile.arange 0 to 2048 : tensor<2048xi32>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<2048x!tile.ptr<f32>>
  %ys = tile.splat %y : !tile.ptr<f32> -> tensor<2048x!tile.ptr<f32>>
  %from = tile.addptr %xs, %i : tensor<2048x!tile.ptr<f32>>, tensor<2048xi32>
  %to = tile.addptr %ys, %i : tensor<2048x!tile.ptr<f32>>, tensor<2048xi32>
  %v = tile.load %from : tensor<2048x!tile.ptr<f32>> -> tensor<2048xf32>
  tile.store %to, %v : tensor<2048x!tile.ptr<f32>>
  return
}

// -----

// Nothing known of the addresses: one element a thread, whose neighbours the next lanes have.
// CHECK{LITERAL}: #layout = #tile_gpu.layout<register = [[64], [128]], lane = [[1], [2], [4], [8], [16]], warp = [[32]]>
// CHECK-LABEL: func.func @unaligned(
// CHECK: tile.load {{.*}} {tile_gpu.layout = #layout}
// CHECK: tile.store {{.*}} {tile_gpu.layout = #layout}
func.func @unaligned(%x: !tile.ptr<f16>) attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %i = tile.arange 0 to 256 : tensor<256xi32>
  %xs = tile.splat %x : !tile.ptr<f16> -> tensor<256x!tile.ptr<f16>>
  %p = tile.addptr %xs, %i : tensor<256x!tile.ptr<f16>>, tensor<256xi32>
  %v = tile.load %p : tensor<256x!tile.ptr<f16>> -> tensor<256xf16>
  tile.store %p, %v : tensor<256x!tile.ptr<f16>>
  return
}

// -----

// A mask that changes at multiples of 4 allows vectors of 4.
// CHECK{LITERAL}: #layout = #tile_gpu.layout<register = [[1], [2], [128], [256], [512]], lane = [[4], [8], [16], [32], [64]], warp = []>
// CHECK-LABEL: func.func @mask(
// CHECK: tile.load {{.*}} {tile_gpu.layout = #layout}
func.func @mask(%x: !tile.ptr<f16> {tile.divisibility = 16 : i64}, %n: i32 {tile.divisibility = 4 : i64})
    attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 1024 : tensor<1024xi32>
  %ns = tile.splat %n : i32 -> tensor<1024xi32>
  %m = arith.cmpi slt, %i, %ns : tensor<1024xi32>
  %xs = tile.splat %x : !tile.ptr<f16> -> tensor<1024x!tile.ptr<f16>>
  %p = tile.addptr %xs, %i : tensor<1024x!tile.ptr<f16>>, tensor<1024xi32>
  %v = tile.load %p mask %m : tensor<1024x!tile.ptr<f16>> -> tensor<1024xf16>
  return
}

// -----

// Different elements, one layout: four f32 are 16 bytes, four bf16 still make full lines of a warp.
// CHECK{LITERAL}: #layout = #tile_gpu.layout<register = [[1], [2], [512]], lane = [[4], [8], [16], [32], [64]], warp = [[128], [256]]>
// CHECK-LABEL: func.func @widen(
// CHECK: tile.load {{.*}} {tile_gpu.layout = #layout} : tensor<1024x!tile.ptr<bf16>>
// CHECK: tile.store {{.*}} {tile_gpu.layout = #layout} : tensor<1024x!tile.ptr<f32>>
func.func @widen(%x: !tile.ptr<bf16> {tile.divisibility = 16 : i64}, %y: !tile.ptr<f32> {tile.divisibility = 16 : i64})
    attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %i = tile.arange 0 to 1024 : tensor<1024xi32>
  %xs = tile.splat %x : !tile.ptr<bf16> -> tensor<1024x!tile.ptr<bf16>>
  %ys = tile.splat %y : !tile.ptr<f32> -> tensor<1024x!tile.ptr<f32>>
  %from = tile.addptr %xs, %i : tensor<1024x!tile.ptr<bf16>>, tensor<1024xi32>
  %to = tile.addptr %ys, %i : tensor<1024x!tile.ptr<f32>>, tensor<1024xi32>
  %v = tile.load %from : tensor<1024x!tile.ptr<bf16>> -> tensor<1024xbf16>
  %w = arith.extf %v : tensor<1024xbf16> to tensor<1024xf32>
  tile.store %to, %w : tensor<1024x!tile.ptr<f32>>
  return
}

// -----

// A store of unaligned neighbours writes them side by side, even if the loads take vectors. A store to scattered places
// follows the loads.
// CHECK{LITERAL}: #layout = #tile_gpu.layout<register = [[1], [2], [512]], lane = [[4], [8], [16], [32], [64]], warp = [[128], [256]]>
// CHECK{LITERAL}: #layout1 = #tile_gpu.layout<register = [[128], [256], [512]], lane = [[1], [2], [4], [8], [16]], warp = [[32], [64]]>
// CHECK-LABEL: func.func @stores(
// CHECK: tile.load {{.*}} {tile_gpu.layout = #layout}
// CHECK: tile.store {{.*}} {tile_gpu.layout = #layout1}
// CHECK: tile.store {{.*}} {tile_gpu.layout = #layout}
// CHECK: tile.atomic_rmw {{.*}} {tile_gpu.layout = #layout1}
// CHECK: tile.atomic_cas {{.*}} {tile_gpu.layout = #layout}
func.func @stores(%x: !tile.ptr<i32> {tile.divisibility = 16 : i64}, %y: !tile.ptr<i32>)
    attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %i = tile.arange 0 to 1024 : tensor<1024xi32>
  %xs = tile.splat %x : !tile.ptr<i32> -> tensor<1024x!tile.ptr<i32>>
  %ys = tile.splat %y : !tile.ptr<i32> -> tensor<1024x!tile.ptr<i32>>
  %from = tile.addptr %xs, %i : tensor<1024x!tile.ptr<i32>>, tensor<1024xi32>
  %to = tile.addptr %ys, %i : tensor<1024x!tile.ptr<i32>>, tensor<1024xi32>
  %v = tile.load %from : tensor<1024x!tile.ptr<i32>> -> tensor<1024xi32>
  tile.store %to, %v : tensor<1024x!tile.ptr<i32>>
  %scattered = tile.addptr %ys, %v : tensor<1024x!tile.ptr<i32>>, tensor<1024xi32>
  tile.store %scattered, %v : tensor<1024x!tile.ptr<i32>>
  %a = tile.atomic_rmw add relaxed device %from, %v : tensor<1024x!tile.ptr<i32>> -> tensor<1024xi32>
  %c = tile.atomic_cas relaxed device %scattered, %v, %v : tensor<1024x!tile.ptr<i32>> -> tensor<1024xi32>
  return
}

// -----

// Rows gathered from a paged cache: 16 bytes a thread, 16 threads a row, 2 rows a warp; warps lie along the rows.
// CHECK{LITERAL}: #layout = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 4], [8, 0], [16, 0], [32, 0]], lane = [[0, 8], [0, 16], [0, 32], [0, 64], [1, 0]], warp = [[2, 0], [4, 0]]>
// CHECK-LABEL: func.func @pages(
// The table has fewer entries than the program has threads.
// CHECK: tile.load %{{[^ ]*}} : tensor<64x!tile.ptr<i32>>
// CHECK: tile.load {{.*}} {tile_gpu.layout = #layout}
func.func @pages(%k: !tile.ptr<bf16> {tile.readonly, tile.divisibility = 16 : i64}, %table: !tile.ptr<i32> {tile.readonly},
                 %stride: i32 {tile.divisibility = 16 : i64}, %n: i32) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %t = tile.arange 0 to 64 : tensor<64xi32>
  %ts = tile.splat %table : !tile.ptr<i32> -> tensor<64x!tile.ptr<i32>>
  %tp = tile.addptr %ts, %t : tensor<64x!tile.ptr<i32>>, tensor<64xi32>
  %page = tile.load %tp : tensor<64x!tile.ptr<i32>> -> tensor<64xi32>
  %strides = tile.splat %stride : i32 -> tensor<64xi32>
  %row = arith.muli %page, %strides : tensor<64xi32>
  %row1 = tile.expand_dims %row axis 1 : tensor<64xi32> -> tensor<64x1xi32>
  %rows = tile.broadcast %row1 : tensor<64x1xi32> -> tensor<64x128xi32>
  %d = tile.arange 0 to 128 : tensor<128xi32>
  %d1 = tile.expand_dims %d axis 0 : tensor<128xi32> -> tensor<1x128xi32>
  %ds = tile.broadcast %d1 : tensor<1x128xi32> -> tensor<64x128xi32>
  %o = arith.addi %rows, %ds : tensor<64x128xi32>
  %ks = tile.splat %k : !tile.ptr<bf16> -> tensor<64x128x!tile.ptr<bf16>>
  %p = tile.addptr %ks, %o : tensor<64x128x!tile.ptr<bf16>>, tensor<64x128xi32>
  %ns = tile.splat %n : i32 -> tensor<64xi32>
  %on = arith.cmpi slt, %t, %ns : tensor<64xi32>
  %on1 = tile.expand_dims %on axis 1 : tensor<64xi1> -> tensor<64x1xi1>
  %m = tile.broadcast %on1 : tensor<64x1xi1> -> tensor<64x128xi1>
  %v = tile.load %p mask %m : tensor<64x128x!tile.ptr<bf16>> -> tensor<64x128xbf16>
  return
}

// -----

// The same, where 16 rows in turn have one entry of the table: a thread gets 8 of them. The table has 4 entries then,
// which all threads load where they need them, whatever the size of its tile.
// CHECK{LITERAL}: #layout = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], lane = [[0, 8], [0, 16], [0, 32], [0, 64], [8, 0]], warp = [[16, 0], [32, 0]]>
// CHECK-LABEL: func.func @tokens_of_a_page(
// CHECK: tile.load %{{[^ ]*}} : tensor<64x!tile.ptr<i32>>
// CHECK: tile.load {{.*}} {tile_gpu.layout = #layout}
func.func @tokens_of_a_page(%k: !tile.ptr<bf16> {tile.readonly, tile.divisibility = 16 : i64}, %table: !tile.ptr<i32> {tile.readonly},
                            %stride: i32 {tile.divisibility = 16 : i64}) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %t = tile.arange 0 to 64 : tensor<64xi32>
  %c4 = arith.constant dense<4> : tensor<64xi32>
  %entry = arith.shrsi %t, %c4 : tensor<64xi32>
  %ts = tile.splat %table : !tile.ptr<i32> -> tensor<64x!tile.ptr<i32>>
  %tp = tile.addptr %ts, %entry : tensor<64x!tile.ptr<i32>>, tensor<64xi32>
  %page = tile.load %tp : tensor<64x!tile.ptr<i32>> -> tensor<64xi32>
  %strides = tile.splat %stride : i32 -> tensor<64xi32>
  %start = arith.muli %page, %strides : tensor<64xi32>
  %row = arith.addi %start, %t : tensor<64xi32>
  %row1 = tile.expand_dims %row axis 1 : tensor<64xi32> -> tensor<64x1xi32>
  %scaled = arith.constant dense<128> : tensor<64x1xi32>
  %row2 = arith.muli %row1, %scaled : tensor<64x1xi32>
  %rows = tile.broadcast %row2 : tensor<64x1xi32> -> tensor<64x128xi32>
  %d = tile.arange 0 to 128 : tensor<128xi32>
  %d1 = tile.expand_dims %d axis 0 : tensor<128xi32> -> tensor<1x128xi32>
  %ds = tile.broadcast %d1 : tensor<1x128xi32> -> tensor<64x128xi32>
  %o = arith.addi %rows, %ds : tensor<64x128xi32>
  %ks = tile.splat %k : !tile.ptr<bf16> -> tensor<64x128x!tile.ptr<bf16>>
  %p = tile.addptr %ks, %o : tensor<64x128x!tile.ptr<bf16>>, tensor<64x128xi32>
  %v = tile.load %p : tensor<64x128x!tile.ptr<bf16>> -> tensor<64x128xbf16>
  return
}

// -----

// As many elements as threads, of which few differ: no layout of its own either.
// CHECK-LABEL: func.func @few_entries(
// CHECK: tile.load %{{[^ ]*}} : tensor<128x!tile.ptr<i32>>
func.func @few_entries(%table: !tile.ptr<i32>) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %t = tile.arange 0 to 128 : tensor<128xi32>
  %c4 = arith.constant dense<4> : tensor<128xi32>
  %entry = arith.shrsi %t, %c4 : tensor<128xi32>
  %ts = tile.splat %table : !tile.ptr<i32> -> tensor<128x!tile.ptr<i32>>
  %tp = tile.addptr %ts, %entry : tensor<128x!tile.ptr<i32>>, tensor<128xi32>
  %page = tile.load %tp : tensor<128x!tile.ptr<i32>> -> tensor<128xi32>
  return
}

// -----

// Contiguous along the first dimension.
// CHECK{LITERAL}: #layout = #tile_gpu.layout<register = [[1, 0], [2, 0], [0, 8]], lane = [[4, 0], [8, 0], [16, 0], [32, 0], [0, 1]], warp = [[0, 2], [0, 4]]>
// CHECK-LABEL: func.func @transposed(
// CHECK: tile.load {{.*}} {tile_gpu.layout = #layout}
func.func @transposed(%x: !tile.ptr<f32> {tile.divisibility = 16 : i64}, %stride: i32 {tile.divisibility = 4 : i64})
    attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %i = tile.arange 0 to 64 : tensor<64xi32>
  %i1 = tile.expand_dims %i axis 1 : tensor<64xi32> -> tensor<64x1xi32>
  %is = tile.broadcast %i1 : tensor<64x1xi32> -> tensor<64x16xi32>
  %j = tile.arange 0 to 16 : tensor<16xi32>
  %strides = tile.splat %stride : i32 -> tensor<16xi32>
  %js = arith.muli %j, %strides : tensor<16xi32>
  %j1 = tile.expand_dims %js axis 0 : tensor<16xi32> -> tensor<1x16xi32>
  %jb = tile.broadcast %j1 : tensor<1x16xi32> -> tensor<64x16xi32>
  %o = arith.addi %is, %jb : tensor<64x16xi32>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<64x16x!tile.ptr<f32>>
  %p = tile.addptr %xs, %o : tensor<64x16x!tile.ptr<f32>>, tensor<64x16xi32>
  %v = tile.load %p : tensor<64x16x!tile.ptr<f32>> -> tensor<64x16xf32>
  return
}

// -----

// Rank 3, nothing known of the addresses: the last dimension goes to the lanes first, the first one to the warps.
// CHECK{LITERAL}: #layout = #tile_gpu.layout<register = [[0, 4, 0], [0, 8, 0]], lane = [[0, 0, 1], [0, 0, 2], [0, 0, 4], [0, 1, 0], [0, 2, 0]], warp = [[1, 0, 0], [2, 0, 0]]>
// CHECK-LABEL: func.func @cube(
// CHECK: tile.load {{.*}} {tile_gpu.layout = #layout}
func.func @cube(%x: !tile.ptr<f32>, %stride: i32) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %i = tile.arange 0 to 512 : tensor<512xi32>
  %strides = tile.splat %stride : i32 -> tensor<512xi32>
  %o = arith.muli %i, %strides : tensor<512xi32>
  %o3 = tile.reshape %o : tensor<512xi32> -> tensor<4x16x8xi32>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<4x16x8x!tile.ptr<f32>>
  %p = tile.addptr %xs, %o3 : tensor<4x16x8x!tile.ptr<f32>>, tensor<4x16x8xi32>
  %v = tile.load %p : tensor<4x16x8x!tile.ptr<f32>> -> tensor<4x16x8xf32>
  return
}

// -----

// More threads than elements: the rest holds copies. The load is left to its users; lone scalars have no layout.
// CHECK{LITERAL}: #layout = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [0]], warp = [[0], [0], [0], [0], [0]]>
// CHECK-LABEL: func.func @small(
// CHECK: tile.load %{{[^ ]*}} : tensor<16x!tile.ptr<f32>>
// CHECK: tile.store {{.*}} {tile_gpu.layout = #layout} : tensor<16x!tile.ptr<f32>>
// CHECK: tile.load %{{[^ ]*}} : !tile.ptr<f32> -> f32
func.func @small(%x: !tile.ptr<f32> {tile.divisibility = 16 : i64}) attributes {tile.kernel, tile.num_warps = 32 : i32} {
  %i = tile.arange 0 to 16 : tensor<16xi32>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<16x!tile.ptr<f32>>
  %p = tile.addptr %xs, %i : tensor<16x!tile.ptr<f32>>, tensor<16xi32>
  %v = tile.load %p : tensor<16x!tile.ptr<f32>> -> tensor<16xf32>
  tile.store %p, %v : tensor<16x!tile.ptr<f32>>
  %s = tile.load %x : !tile.ptr<f32> -> f32
  return
}

// -----

// A long row: all warps share it. A function that is no kernel is left alone.
// CHECK{LITERAL}: #layout = #tile_gpu.layout<register = [[0, 1], [0, 2]], lane = [[0, 4], [0, 8], [0, 16], [0, 32], [0, 64]], warp = [[0, 128], [1, 0]]>
// CHECK-LABEL: func.func @wide(
// CHECK: tile.load {{.*}} {tile_gpu.layout = #layout}
// CHECK-LABEL: func.func @helper(
// CHECK: tile.load %{{[^ ]*}} : tensor
func.func @wide(%x: !tile.ptr<f32> {tile.divisibility = 16 : i64}) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %i = tile.arange 0 to 512 : tensor<512xi32>
  %i2 = tile.reshape %i : tensor<512xi32> -> tensor<2x256xi32>
  %xs = tile.splat %x : !tile.ptr<f32> -> tensor<2x256x!tile.ptr<f32>>
  %p = tile.addptr %xs, %i2 : tensor<2x256x!tile.ptr<f32>>, tensor<2x256xi32>
  %v = tile.load %p : tensor<2x256x!tile.ptr<f32>> -> tensor<2x256xf32>
  return
}
func.func @helper(%p: tensor<512x!tile.ptr<f32>>) -> tensor<512xf32> {
  %v = tile.load %p : tensor<512x!tile.ptr<f32>> -> tensor<512xf32>
  return %v : tensor<512xf32>
}
