#ifndef KILN_CONVERSION_TILEGPUTOLLVM_PASSES
#define KILN_CONVERSION_TILEGPUTOLLVM_PASSES

include "mlir/Pass/PassBase.td"

def TileGPUToLLVM : Pass<"tile-gpu-to-llvm", "::mlir::ModuleOp"> {
  let summary = "convert the code of one thread to the LLVM dialect";
  let description = [{
    Takes functions of scalars: `arith`, `math`, `cf`, `func`, `ub` and `tile_gpu.machine`. Machine operations become what their
    rows say, the rest goes through upstream patterns. A kernel (`tile.kernel`) gets `nvvm.kernel` and `nvvm.reqntid`, 32 threads for each warp.
    The module gets `tile_gpu.ptx_version` (10 * major + minor): the lowest PTX that has all the machine operations in use.

    What the backend could not select is an error here, because there it would end the process: machine operations that the target does not have,
    functions without an instruction, types without a register. `arith.remf` has no instruction that is exact, and becomes
    a call of a function of integer arithmetic that is put beside the kernel. Functions of f64 become calls of NVIDIA's libdevice
    if the option says that it will be linked. Selections that bound a float (`x < c ? c : x`) become `arith.maximumf` and `arith.minimumf`.
  }];
  let options = [
    Option<"capability", "capability", "unsigned", "80", "compute capability of the target, 10 * major + minor">,
    Option<"libdevice", "libdevice", "bool", "false", "functions of libdevice may be called">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::func::FuncDialect", "::mlir::math::MathDialect"];
}

def TileGPUToEmulator : Pass<"tile-gpu-to-emulator", "::mlir::ModuleOp"> {
  let summary = "replace machine operations by calls of the emulator";
  let description = [{
    Takes what `tile-gpu-to-llvm` takes and refuses what it refuses; the code of one thread becomes code for the host. Each machine operation becomes
    `kiln_emulator_execute(thread, site, operands, results)`, where `site` numbers the machine operations of the kernel in program order, and
    operands and results are arrays of 64-bit words that hold the bits of the values, zero above. A kernel becomes a function
    `void(ptr thread, ptr args)`; `args[i]` points at the value of its parameter i. `thread` points at the address of an array with one i64 for each block of
    the kernel, which is raised by one where the block begins. The attributes `tile_gpu.sites` and `tile_gpu.blocks` of the kernel say what the sites are, and what
    else is executed in each block.

    Arithmetic stays, for the passes `tile-expand-narrow-floats` and `tile-cpu-to-llvm`, except what a host does differently: `arith.remf`
    becomes a call as in `tile-gpu-to-llvm`, `math.fma` of f16 and bf16 becomes arithmetic of f64 that rounds once, and the
    minimum and maximum that prefer numbers to NaN order zeros.
  }];
  let options = [
    Option<"capability", "capability", "unsigned", "80", "compute capability of the target, 10 * major + minor">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
                           "::mlir::func::FuncDialect", "::mlir::math::MathDialect"];
}

#endif
