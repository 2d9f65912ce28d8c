#ifndef KILN_CONVERSION_TILEGPUTOTHREADS_PASSES
#define KILN_CONVERSION_TILEGPUTOTHREADS_PASSES

include "mlir/Pass/PassBase.td"

def LowerToThreads : Pass<"tile-gpu-lower-to-threads", "::mlir::ModuleOp"> {
  let summary = "Turn operations on tiles with layouts into what one thread does";
  let description = [{
    Every tile becomes the scalars that one thread holds of it, one for each register of its layout; loops and branches carry these
    instead. Elementwise operations are repeated for each register, shape operations rename registers, memory operations and exchanges between threads become
    `tile_gpu.machine` operations. Pointers become 64-bit integers, in the signature of the kernel too. Expects that every
    tensor type has a layout, that shared memory is allocated and that barriers are in place.

    ```mlir
    // before                                                     // after: of 2 registers
    %s = arith.addf %x, %y : tensor<256xf32, #layout>             %s0 = arith.addf %x0, %y0 : f32
                                                                  %s1 = arith.addf %x1, %y1 : f32
    ```
  }];
  let options = [
    Option<"checkExchanges", "check-exchanges", "bool", "false", "say to the emulator what goes into a conversion of layouts and what comes out">,
    Option<"capability", "capability", "unsigned", "80", "compute capability of the target, 10 * major + minor">
  ];
  let dependentDialects = ["::kiln::tile_gpu::TileGPUDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect"];
}

#endif
