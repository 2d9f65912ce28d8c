// RUN: kiln-opt %s --tile-gpu-allocate-shared --tile-gpu-lower-to-threads --split-input-file | FileCheck %s

#a = #tile_gpu.layout<register = [[1], [2]], lane = [[4], [8], [16], [32], [64]], warp = []>
#b = #tile_gpu.layout<register = [[2], [1]], lane = [[4], [8], [16], [32], [64]], warp = []>

// Registers change their names: r1 and r2 of the source, here the sums of themselves.
// CHECK-LABEL: @registers(
// CHECK: %[[X1:.*]] = arith.addi %[[P:.*]], %{{.*}} : i32
// CHECK: %[[X2:.*]] = arith.addi %[[P]], %{{.*}} : i32
// CHECK: %[[X3:.*]] = arith.addi %[[P]], %{{.*}} : i32
// CHECK-NEXT: arith.muli %[[P]], %[[P]]
// CHECK-NEXT: arith.muli %[[X2]], %[[X2]]
// CHECK-NEXT: arith.muli %[[X1]], %[[X1]]
// CHECK-NEXT: arith.muli %[[X3]], %[[X3]]
// CHECK-NEXT: return
func.func @registers() attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %x = tile.arange 0 to 128 : tensor<128xi32, #a>
  %y = tile_gpu.convert_layout %x : tensor<128xi32, #a> -> tensor<128xi32, #b>
  %z = arith.muli %y, %y : tensor<128xi32, #b>
  return
}

// -----

#a = #tile_gpu.layout<register = [[1]], lane = [[2], [4], [8], [16], [32]], warp = [[0]]>
#b = #tile_gpu.layout<register = [[2]], lane = [[1], [4], [8], [16], [32]], warp = [[0]]>

// A lane bit for a register bit: each lane keeps one register and exchanges the other with its neighbour.
// CHECK-LABEL: @swap(
// CHECK-SAME: tile_gpu.shared_bytes = 0
// CHECK: %[[X1:.*]] = arith.addi %[[X0:.*]], %{{.*}} : i32
// CHECK: %[[ODD:.*]] = arith.cmpi ne
// CHECK: %[[KEPT:.*]] = arith.select %[[ODD]], %[[X1]], %[[X0]]
// CHECK: %[[SENT:.*]] = arith.select %[[ODD]], %[[X0]], %[[X1]]
// CHECK: %[[ONE:.*]] = arith.constant 1 : i32
// CHECK: %[[RECEIVED:.*]] = tile_gpu.machine "shfl.sync.bfly.b32"(%{{.*}}, %[[SENT]], %[[ONE]], %{{.*}})
// CHECK-NOT: shfl
// CHECK: arith.select %{{.*}}, %[[RECEIVED]], %[[KEPT]]
// CHECK: arith.select %{{.*}}, %[[KEPT]], %[[RECEIVED]]
func.func @swap() attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %x = tile.arange 0 to 64 : tensor<64xi32, #a>
  %y = tile_gpu.convert_layout %x : tensor<64xi32, #a> -> tensor<64xi32, #b>
  return
}

// -----

#a = #tile_gpu.layout<register = [[1], [2], [4]], lane = [[8], [16], [32], [64], [128]], warp = []>
#b = #tile_gpu.layout<register = [[1], [2], [8]], lane = [[4], [16], [32], [64], [128]], warp = []>

// Two halves go in one shuffle.
// CHECK-LABEL: @packed(
// CHECK-COUNT-2: tile_gpu.machine "pack.b16x2"
// CHECK-COUNT-2: tile_gpu.machine "shfl.sync.bfly.b32"
// CHECK-COUNT-2: tile_gpu.machine "unpack.b16x2"
// CHECK-NOT: shfl
func.func @packed(%h: f16) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %x = tile.splat %h : f16 -> tensor<256xf16, #a>
  %y = tile_gpu.convert_layout %x : tensor<256xf16, #a> -> tensor<256xf16, #b>
  return
}

// -----

#a = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [16]], warp = []>
#b = #tile_gpu.layout<register = [], lane = [[2], [1], [4], [8], [16]], warp = []>

// Wide elements are two words, and lanes that change places ask each other by number. Booleans go as bytes.
// CHECK-LABEL: @wide(
// CHECK: %[[HALVES:.*]]:2 = tile_gpu.machine "unpack.b32x2"
// CHECK: %[[LOW:.*]] = tile_gpu.machine "shfl.sync.idx.b32"(%{{.*}}, %[[HALVES]]#0, %[[SOURCE:.*]], %{{.*}})
// CHECK: %[[HIGH:.*]] = tile_gpu.machine "shfl.sync.idx.b32"(%{{.*}}, %[[HALVES]]#1, %[[SOURCE]], %{{.*}})
// CHECK: tile_gpu.machine "pack.b32x2"(%[[LOW]], %[[HIGH]])
// CHECK: %[[BYTE:.*]] = arith.extui %{{.*}} : i1 to i8
// CHECK: %[[WORD:.*]] = arith.extui %[[BYTE]] : i8 to i32
// CHECK: tile_gpu.machine "shfl.sync.idx.b32"(%{{.*}}, %[[WORD]],
// CHECK: arith.trunci %{{.*}} : i32 to i8
// CHECK: arith.cmpi ne
func.func @wide(%d: f64, %c: i1) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %x = tile.splat %d : f64 -> tensor<32xf64, #a>
  %y = tile_gpu.convert_layout %x : tensor<32xf64, #a> -> tensor<32xf64, #b>
  %z = tile.splat %c : i1 -> tensor<32xi1, #a>
  %w = tile_gpu.convert_layout %z : tensor<32xi1, #a> -> tensor<32xi1, #b>
  return
}

// -----

#a = #tile_gpu.layout<register = [[1], [2]], lane = [[0], [0], [0], [0], [0]], warp = [[0]]>
#b = #tile_gpu.layout<register = [], lane = [[1], [0], [0], [0], [0]], warp = [[2]]>

// Who has everything keeps what it needs.
// CHECK-LABEL: @replicated(
// CHECK-COUNT-3: arith.select
// CHECK-NOT: tile_gpu.machine
func.func @replicated() attributes {tile.kernel, tile.num_warps = 2 : i32} {
  %x = tile.arange 0 to 4 : tensor<4xi32, #a>
  %y = tile_gpu.convert_layout %x : tensor<4xi32, #a> -> tensor<4xi32, #b>
  return
}

// -----

#rows = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 4]], lane = [[0, 8], [0, 16], [0, 32], [1, 0], [2, 0]], warp = [[4, 0], [8, 0]]>
#tiles = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 4]], lane = [[0, 8], [1, 0], [2, 0], [4, 0], [8, 0]], warp = [[0, 16], [0, 32]]>

// Through shared memory, 16 bytes at a time.
// CHECK-LABEL: @vectors(
// CHECK-SAME: tile_gpu.shared_bytes = 2048 : i64
// CHECK: tile_gpu.machine "shared.base"
// CHECK-COUNT-4: tile_gpu.machine "pack.b16x2"
// CHECK: tile_gpu.machine "st.shared.v4.b32"
// CHECK-NOT: st.shared
// CHECK: tile_gpu.machine "bar.sync"()
// CHECK: tile_gpu.machine "ld.shared.v4.b32"
// CHECK-COUNT-4: tile_gpu.machine "unpack.b16x2"
func.func @vectors(%h: bf16) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %x = tile.splat %h : bf16 -> tensor<16x64xbf16, #rows>
  %y = tile_gpu.convert_layout %x : tensor<16x64xbf16, #rows> -> tensor<16x64xbf16, #tiles>
  return
}

// -----

#rows = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [8], [0]], warp = [[0], [16]]>
#tiles = #tile_gpu.layout<register = [], lane = [[1], [2], [4], [16], [0]], warp = [[8], [0]]>

// Of the threads that hold the same element one writes, all read.
// CHECK-LABEL: @owners(
// CHECK: %[[COPY:.*]] = arith.constant 48 : i32
// CHECK: %[[MASKED:.*]] = arith.andi %{{.*}}, %[[COPY]] : i32
// CHECK: %[[OWNER:.*]] = arith.cmpi eq, %[[MASKED]], %{{.*}} : i32
// CHECK: tile_gpu.machine "st.shared.b32.pred"(%{{.*}}, %[[OWNER]], %{{.*}})
// CHECK: tile_gpu.machine "bar.sync"()
// CHECK: tile_gpu.machine "ld.shared.b32"(
func.func @owners() attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %x = tile.arange 0 to 32 : tensor<32xi32, #rows>
  %y = tile_gpu.convert_layout %x : tensor<32xi32, #rows> -> tensor<32xi32, #tiles>
  return
}

// -----

// An operand of a tensor core: K is contiguous in the source of @matrix, M in that of @transposed.
#k = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 4], [16, 0]], lane = [[0, 8], [0, 16], [1, 0], [2, 0], [4, 0]], warp = [[8, 0], [0, 0]]>
#m = #tile_gpu.layout<register = [[1, 0], [2, 0], [4, 0], [0, 16]], lane = [[8, 0], [16, 0], [0, 1], [0, 2], [0, 4]], warp = [[0, 8], [0, 0]]>
#operand = #tile_gpu.layout<register = [[0, 1], [8, 0], [0, 8], [0, 16]], lane = [[0, 2], [0, 4], [1, 0], [2, 0], [4, 0]], warp = [[16, 0], [0, 0]]>

// CHECK-LABEL: @matrix(
// CHECK-COUNT-2: tile_gpu.machine "st.shared.v4.b32.pred"
// CHECK: tile_gpu.machine "bar.sync"()
// CHECK-COUNT-2: tile_gpu.machine "ldmatrix.x4"(%{{.*}}) : (i32) -> (i32, i32, i32, i32)
// CHECK-NOT: ld.shared
func.func @matrix(%h: f16) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %x = tile.splat %h : f16 -> tensor<32x32xf16, #k>
  %y = tile_gpu.convert_layout %x : tensor<32x32xf16, #k> -> tensor<32x32xf16, #operand>
  return
}

// CHECK-LABEL: @transposed(
// CHECK-COUNT-2: tile_gpu.machine "st.shared.v4.b32.pred"
// CHECK: tile_gpu.machine "bar.sync"()
// CHECK-COUNT-2: tile_gpu.machine "ldmatrix.x4.trans"(%{{.*}}) : (i32) -> (i32, i32, i32, i32)
// CHECK-NOT: ld.shared
func.func @transposed(%h: f16) attributes {tile.kernel, tile.num_warps = 4 : i32} {
  %x = tile.splat %h : f16 -> tensor<32x32xf16, #m>
  %y = tile_gpu.convert_layout %x : tensor<32x32xf16, #m> -> tensor<32x32xf16, #operand>
  return
}
