//===- GPUCompiler.cpp - Tile programs as PTX -----------------------------===//

#include "kiln/Target/NVPTX/GPUCompiler.h"

#include "../CompilerSupport.h"
#include "LowerKernel.h"
#include "kiln/Conversion/TileGPUToLLVM/Passes.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Target/NVPTX/EmitPTX.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::gpu;

func::FuncOp gpu::findKernel(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>())
    if (tile::isKernel(function))
      return function;
  return {};
}

void gpu::describe(const GPUTarget &target, bool asserts, TileToGPUOptions &lowering) {
  lowering.capability = target.capability;
  lowering.sharedBytes = target.sharedPerBlock;
  lowering.asserts = asserts;
}

std::string gpu::arguments(const TileToGPUOptions &lowering) {
  std::string text =
      "capability=" + std::to_string(lowering.capability) + " shared-bytes=" + std::to_string(lowering.sharedBytes);
  if (lowering.asserts)
    text += " asserts=true";
  if (lowering.checkExchanges)
    text += " check-exchanges=true";
  return text;
}

LogicalResult gpu::runStage(ModuleOp module, StringRef stage, void (*build)(OpPassManager &, const TileToGPUOptions &),
                            const TileToGPUOptions &lowering, Dump dump) {
  PassManager passes(module.getContext());
  passes.enableVerifier(false);
  build(passes, lowering);
  if (failed(passes.run(module)))
    return failure();
  if (dump)
    dump(stage, printed(module));
  return success();
}

LogicalResult gpu::lowerToThread(ModuleOp module, const TileToGPUOptions &lowering, Dump dump) {
  if (dump)
    dump("tile", printed(module));
  if (failed(runStage(module, "tile_gpu", buildTileToGPULayoutsPipeline, lowering, dump)))
    return failure();
  return runStage(module, "threads", buildTileToGPUThreadsPipeline, lowering, dump);
}

/// A name for the entry point of a kernel. PTX takes letters, digits and underscores; kernels are named freely, and
/// their own names stand in what they print.
static std::string getEntryName(StringRef kernel) {
  auto isLegal = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  bool isReserved = kernel == "WARP_SZ" || kernel == kSharedSymbol;
  if (!kernel.empty() && !llvm::isDigit(kernel[0]) && llvm::all_of(kernel, isLegal) && !isReserved)
    return kernel.str();
  std::string name = "kernel_";
  for (char c : kernel)
    name += isLegal(c) ? c : '_';
  return name;
}

CompiledKernel gpu::describeKernel(func::FuncOp kernel) {
  CompiledKernel result;
  result.name = getEntryName(kernel.getName());
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
  return result;
}

std::string gpu::pipelineArguments(const GPUTarget &target, const Options &options) {
  TileToGPUOptions lowering;
  describe(target, options.asserts, lowering);
  return "--tile-to-gpu='" + arguments(lowering) + (findLibdevice().empty() ? "'" : " libdevice=true'");
}

llvm::Expected<CompiledKernel> gpu::compile(ModuleOp module, const GPUTarget &target, const Options &options) {
  if (!findKernel(module))
    return llvm::createStringError("the module holds no kernel");

  TileToGPUOptions lowering;
  describe(target, options.asserts, lowering);
  lowering.libdevice = !findLibdevice().empty();
  FirstError firstError(module.getContext());
  CompiledKernel result;
  bool lowered = succeeded(lowerToThread(module, lowering, options.dump));
  if (lowered) {
    func::FuncOp kernel = findKernel(module);
    result = describeKernel(kernel);
    kernel.setName(result.name);
  }
  if (!lowered || failed(runStage(module, "llvm", buildTileToGPULLVMPipeline, lowering, options.dump)))
    return firstError.error("the kernel could not be lowered for the GPU");

  EmitOptions emit;
  emit.lineInfo = options.lineInfo;
  emit.functions = options.functions;
  emit.dump = options.dump;
  llvm::Expected<std::string> ptx = emitPTX(module, target, emit);
  if (!ptx)
    return ptx.takeError();
  result.ptx = std::move(*ptx);
  return result;
}
