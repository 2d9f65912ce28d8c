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

#endif
