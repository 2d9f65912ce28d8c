#ifndef KILN_DIALECT_TILEGPU_TRANSFORMS_PASSES
#define KILN_DIALECT_TILEGPU_TRANSFORMS_PASSES

include "mlir/Pass/PassBase.td"

def AllocateShared : Pass<"tile-gpu-allocate-shared"> {
  let summary = "give every operation that exchanges data its place in shared memory";
  let description = [{
    An operation that moves data between warps owns its bytes from its start to its end; operations that do not run at the same time share
    them. Two that follow each other get different places where that costs little (at most 2 KiB a warp in all): then the later one
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

#endif
