#ifndef KILN_DIALECT_TILEGPU_TRANSFORMS_PASSES
#define KILN_DIALECT_TILEGPU_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def Coalesce : Pass<"tile-gpu-coalesce"> {
  let summary = "choose which thread accesses which element of memory";
  let description = [{
    Puts `tile_gpu.layout` on every `tile.load`, `tile.store`, `tile.atomic_rmw` and `tile.atomic_cas` of a tile, chosen from what the axis facts say of its
    pointers and its mask. Neighbouring elements go to one thread as far as one instruction can move them (16 bytes), then to neighbouring
    lanes; warps share the outer dimensions. Accesses of one shape get the same layout, except that a store of contiguous
    elements never gets more of them a thread than it can write at once. Loads of fewer elements than the program has threads get none: their
    users know better.

    ```mlir
    // 64 rows of 128 contiguous, aligned bf16 over 4 warps: 8 elements a thread, 16 threads a row, 2 rows a warp.
    #layout = #tile_gpu.layout<register = [[0, 1], [0, 2], [0, 4], [8, 0], [16, 0], [32, 0]],
                               lane = [[0, 8], [0, 16], [0, 32], [0, 64], [1, 0]], warp = [[2, 0], [4, 0]]>
    %k = tile.load %p {tile_gpu.layout = #layout} : tensor<64x128x!tile.ptr<bf16>> -> tensor<64x128xbf16>
    ```
  }];
  let dependentDialects = ["::kiln::tile_gpu::TileGPUDialect"];
}

def AccelerateDot : Pass<"tile-gpu-accelerate-dot"> {
  let summary = "choose how each tile.dot is computed: on tensor cores or by threads";
  let description = [{
    A `tile.dot` of f16, bf16 or i8, or of f32 with the option `tf32`, becomes a `tile_gpu.mma`, if it is as long along K as the smallest
    instruction. Its warps share the result so that none repeats the work of others, where the result is large enough, and then so
    that each needs few elements of the operands; where the result goes on into the first operand of another product, a warp gets
    whole rows. The instruction has 16 rows and 8 columns: products of a few rows, such as the query heads of a K/V head, are computed
    transposed where that takes fewer instructions. The other products get a `tile_gpu.layout` for their result: about square blocks for each thread.

    ```mlir
    // before                                                  // after, with 4 warps
    %s = tile.dot %q, %k, %zero                                %s = tile_gpu.mma %q, %k, %zero warps [1, 4]
        : tensor<16x64xf16>, tensor<64x64xf16>                     : tensor<16x64xf16>, tensor<64x64xf16>
       -> tensor<16x64xf32>                                       -> tensor<16x64xf32>
    ```
  }];
  let dependentDialects = ["::kiln::tile_gpu::TileGPUDialect"];
}

def AllocateShared : Pass<"tile-gpu-allocate-shared"> {
  let summary = "give every operation that exchanges data its place in shared memory";
  let description = [{
    An operation that moves data between warps owns its bytes from its start to its end; operations that do not run at the same time share
    them. Two that follow each other get different places where that costs little (at most 2 KiB a warp beyond the largest of them): then the later one
    need not wait until everybody has read what the earlier one left.

    Each such operation gets `tile_gpu.shared_offset`, a multiple of 16 bytes; the kernel gets their total as `tile_gpu.shared_bytes` and their list as
    `tile_gpu.shared_buffers`. An operation that needs more than `max-bytes` is an error.

    ```mlir
    func.func @sum(...) attributes {tile.kernel, tile_gpu.shared_bytes = 16 : i64,
                                    tile_gpu.shared_buffers = [{name = "tile.reduce", offset = 0 : i64, bytes = 16 : i64, line = "sum.cpp:12"}, ...]}
    ```
  }];
  let options = [
    Option<"maxBytes", "max-bytes", "int64_t", "232448", "the most shared memory that a program of the target may have; by default that of sm_90">
  ];
}

def AssignLayouts : Pass<"tile-gpu-assign-layouts", "::mlir::ModuleOp"> {
  let summary = "give every tile of a kernel a layout";
  let description = [{
    The operations that earlier passes marked with `tile_gpu.layout`, dots on tensor cores and scans say which layouts they need and yield. What is
    computed from their results stays in that layout, what their operands are computed from gets it, and so do the values that loops carry;
    the source of a broadcast gets the part of the layout that is left when the repeated dimensions are dropped. Where an
    operand has another layout than its operation needs, `tile_gpu.convert_layout` goes between them.

    A tile of which a thread would hold more than 2048 elements is an error.
  }];
  let dependentDialects = ["::kiln::tile_gpu::TileGPUDialect"];
}

def RemoveConversions : Pass<"tile-gpu-remove-conversions", "::mlir::ModuleOp"> {
  let summary = "repeat cheap values in another layout instead of converting them";
  let description = [{
    Follows the source of each conversion back through operations that can be repeated (indices, masks, pointers, shape operations, arithmetic,
    small loads of read-only memory) as long as repeating them, with conversions of the smaller values at the bottom, costs less
    than the conversion.

    ```mlir
    // before                                                       // after
    %i = tile.arange 0 to 64 : tensor<64xi32, #a>                   %j = tile.arange 0 to 64 : tensor<64xi32, #b>
    %j = tile_gpu.convert_layout %i : ... -> tensor<64xi32, #b>
    ```
  }];
  let dependentDialects = ["::kiln::tile_gpu::TileGPUDialect"];
}

def Pipeline : Pass<"tile-gpu-pipeline", "::mlir::ModuleOp"> {
  let summary = "start the loads of later iterations before the earlier ones compute";
  let description = [{
    In a loop with `tile.num_stages = n`, n at least 2, a load whose address does not depend on what the loop computes - but for pointers and
    numbers that grow by the same distance in each iteration - and whose memory the loop does not write, is copied into a ring of n slots in shared memory n - 1 iterations before the iteration that reads it. Addresses may come from
    other loads (a table of pages): these are loaded into registers an iteration earlier still. Loads that cannot be copied, but are small, are loaded
    into registers an iteration ahead. Where n slots of all rings do not fit into `max-bytes`, there are fewer.

    `tile_gpu.pipeline` on each load says what became of it.

    ```mlir
    // before                                            // after, without the addresses
    scf.for %i = %lo to %hi step %s {                    tile_gpu.async_load ... to %ring[%c0]       // iteration 0
      %x = tile.load %p                                  tile_gpu.async_commit
      ...                                                tile_gpu.async_load ... to %ring[%c1]       // iteration 1
    } {tile.num_stages = 3 : i32}                        tile_gpu.async_commit
                                                         scf.for %i = %lo to %hi step %s iter_args(%slot = %c0) {
                                                           tile_gpu.async_wait 1
                                                           tile_gpu.async_load ... to %ring[%last]   // iteration i + 2
                                                           tile_gpu.async_commit
                                                           %x = tile_gpu.ring_load %ring[%slot]
                                                           ...
                                                         }
                                                         tile_gpu.async_wait 0
    ```
  }];
  let dependentDialects = ["::kiln::tile_gpu::TileGPUDialect"];
  let options = [
    Option<"maxBytes", "max-bytes", "int64_t", "232448", "the most shared memory that a program of the target may have; by default that of sm_90">
  ];
}

def PrefetchOperands : Pass<"tile-gpu-prefetch-operands", "::mlir::ModuleOp"> {
  let summary = "read operands of tensor cores from shared memory while those before them are multiplied";
  let description = [{
    A `tile_gpu.mma` of a pipelined loop whose two operands come from rings is cut along K into products as long as the instruction. In front of each
    of them stand the reads of the next one's operands; in front of the last one, the wait for the next iteration's copies and the reads of its first
    operands, which the loop carries in registers. So tensor cores have work while the threads wait for each other. Copies start behind the
    first reads, spread over the products.

    ```mlir
    // before                                      // after
    scf.for ... iter_args(%c, %slot) {             scf.for ... iter_args(%c, %slot, %a0, %b0) {
      tile_gpu.async_wait 1                          %a1 = tile_gpu.ring_load %as[%slot] at [0, 16]
      tile_gpu.async_load ... to %as[%last]          %b1 = tile_gpu.ring_load %bs[%slot] at [16, 0]
      tile_gpu.async_load ... to %bs[%last]          tile_gpu.async_load ... to %as[%last]
      tile_gpu.async_commit                          tile_gpu.async_load ... to %bs[%last]
      %a = tile_gpu.ring_load %as[%slot]             tile_gpu.async_commit
      %b = tile_gpu.ring_load %bs[%slot]             %c0 = tile_gpu.mma %a0, %b0, %c
      %d = tile_gpu.mma %a, %b, %c                   tile_gpu.async_wait 1
      scf.yield %d, %next                            %a2 = tile_gpu.ring_load %as[%next] at [0, 0]
    }                                                %b2 = tile_gpu.ring_load %bs[%next] at [0, 0]
                                                     %d = tile_gpu.mma %a1, %b1, %c0
                                                     scf.yield %d, %next, %a2, %b2
                                                   }
    ```
  }];
  let dependentDialects = ["::kiln::tile_gpu::TileGPUDialect"];
}

def CarryPointers : Pass<"tile-gpu-carry-pointers", "::mlir::ModuleOp"> {
  let summary = "advance the pointers of copies from iteration to iteration";
  let description = [{
    Where the pointers of a `tile_gpu.async_load` are invariant ones plus an offset that grows by the same distance in each iteration, the loop
    carries them, and the distance is added.

    ```mlir
    // before                                          // after
    scf.for %i = %lo to %hi step %s {                  scf.for %i = %lo to %hi step %s iter_args(%q = %before) {
      %j = arith.addi %i, %two_steps                     %p = tile.addptr %q, %distances
      %x = arith.muli %j, %stride
      %xs = tile.splat %x
      %p = tile.addptr %base, %xs
      tile_gpu.async_load %p to %ring[%slot]             tile_gpu.async_load %p to %ring[%slot]
    }                                                    scf.yield %p
                                                       }
    ```
  }];
  let dependentDialects = ["::kiln::tile_gpu::TileGPUDialect"];
}

def FillFirstWait : Pass<"tile-gpu-fill-first-wait", "::mlir::ModuleOp"> {
  let summary = "compute what needs no memory while the first load is under way";
  let description = [{
    Takes the form that `tile-gpu-lower-to-threads` makes. What stands outside of loops and branches and depends on no memory is moved up behind the first load
    of the kernel; in front of a wait for other launches, if that comes before.

    ```mlir
    // before                                             // after
    %length = tile_gpu.machine "ld.global.nc.b32"(%p)     %length = tile_gpu.machine "ld.global.nc.b32"(%p)
    %ends = scf.for ... %length ...                       %row = arith.muli %tid, %stride
    %row = arith.muli %tid, %stride                       %ends = scf.for ... %length ...
    scf.while ... %row ...                                scf.while ... %row ...
    ```
  }];
}

def InsertBarriers : Pass<"tile-gpu-insert-barriers"> {
  let summary = "make all threads wait for each other where one could overtake another";
  let description = [{
    Inserts `tile_gpu.barrier` between operations that use the same bytes of shared memory, and between accesses of global memory of which one
    writes, so that the accesses of a program take effect in program order although many threads make them. No barrier stands between
    accesses that each thread makes for itself: through the same pointers in a layout without copies, or of scalars by the first thread. Loads of memory
    that is read-only conflict with nothing. A barrier for what happened in front of a loop stands there.

    ```mlir
    // before                                     // after
    tile.store %p, %x : tensor<...>               tile.store %p, %x : tensor<...>
    %y = tile.load %q : tensor<...>               tile_gpu.barrier
                                                  %y = tile.load %q : tensor<...>
    ```

    Expects shared memory to be allocated.
  }];
  let dependentDialects = ["::kiln::tile_gpu::TileGPUDialect"];
}

#endif
