//===- GPUCompiler.cpp - Tile programs as PTX -----------------------------===//

#include "kiln/Target/NVPTX/GPUCompiler.h"

#include "../CompilerSupport.h"
#include "kiln/Conversion/TileGPUToLLVM/Passes.h"
#include "kiln/Conversion/TileToGPU/Pipelines.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Target/NVPTX/EmitPTX.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::gpu;

namespace {

void describe(const GPUTarget &target, const Options &options, TileToGPUOptions &lowering) {
  lowering.capability = target.capability;
  lowering.sharedBytes = target.sharedPerBlock;
  lowering.asserts = options.asserts;
  lowering.libdevice = !findLibdevice().empty();
}

func::FuncOp findKernel(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (tile::isKernel(function))
      return function;
  return {};
}

/// A name for the entry point of a kernel. PTX takes letters, digits and underscores; kernels are named freely, and
/// their own names stand in what they print.
std::string getEntryName(StringRef kernel) {
  auto isLegal = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  bool isReserved = kernel == "WARP_SZ" || kernel == kSharedSymbol;
  if (!kernel.empty() && !llvm::isDigit(kernel[0]) && llvm::all_of(kernel, isLegal) && !isReserved)
    return kernel.str();
  std::string name = "kernel_";
  for (char c : kernel)
    name += isLegal(c) ? c : '_';
  return name;
}

/// What the passes have written down on the kernel.
void collect(func::FuncOp kernel, CompiledKernel &result) {
  result.name = kernel.getName().str();
  result.numWarps = tile_gpu::getNumWarps(kernel);
  if (auto bytes = kernel->getAttrOfType<IntegerAttr>(tile_gpu::kSharedBytesAttr))
    result.sharedBytes = bytes.getInt();
  if (auto buffers = kernel->getAttrOfType<ArrayAttr>(tile_gpu::kSharedBuffersAttr)) {
    for (DictionaryAttr entry : buffers.getAsRange<DictionaryAttr>()) {
      auto text = [&](StringRef name) {
        auto value = entry.getAs<StringAttr>(name);
        return value ? value.str() : std::string();
      };
      result.sharedBuffers.push_back({text("name"), text("line"), entry.getAs<IntegerAttr>("offset").getInt(),
                                      entry.getAs<IntegerAttr>("bytes").getInt()});
    }
  }
  result.accesses = tile_gpu::getAccessRecords(kernel);
}

} // namespace

std::string gpu::pipelineArguments(const GPUTarget &target, const Options &options) {
  TileToGPUOptions lowering;
  describe(target, options, lowering);
  std::string text = "--tile-to-gpu='capability=" + std::to_string(lowering.capability) +
                     " shared-bytes=" + std::to_string(lowering.sharedBytes);
  if (lowering.asserts)
    text += " asserts=true";
  if (lowering.libdevice)
    text += " libdevice=true";
  return text + "'";
}

llvm::Expected<CompiledKernel> gpu::compile(ModuleOp module, const GPUTarget &target, const Options &options) {
  MLIRContext *context = module.getContext();
  if (!findKernel(module))
    return llvm::createStringError("the module holds no kernel");

  TileToGPUOptions lowering;
  describe(target, options, lowering);
  FirstError firstError(context);
  CompiledKernel result;
  auto run = [&](StringRef stage, void (*build)(OpPassManager &, const TileToGPUOptions &)) {
    PassManager passes(context);
    passes.enableVerifier(false);
    build(passes, lowering);
    if (failed(passes.run(module)))
      return false;
    if (options.dump)
      options.dump(stage, printed(module));
    return true;
  };
  if (options.dump)
    options.dump("tile", printed(module));
  bool lowered = run("tile_gpu", buildTileToGPULayoutsPipeline) && run("threads", buildTileToGPUThreadsPipeline);
  if (lowered) {
    func::FuncOp kernel = findKernel(module);
    kernel.setName(getEntryName(kernel.getName()));
    collect(kernel, result);
  }
  if (!lowered || !run("llvm", buildTileToGPULLVMPipeline))
    return firstError.error("the kernel could not be lowered for the GPU");

  EmitOptions emit;
  emit.lineInfo = options.lineInfo;
  emit.dump = options.dump;
  llvm::Expected<std::string> ptx = emitPTX(module, target, emit);
  if (!ptx)
    return ptx.takeError();
  result.ptx = std::move(*ptx);
  return result;
}
