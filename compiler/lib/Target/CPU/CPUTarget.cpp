//===- CPUTarget.cpp - Tile programs as native code -----------------------===//

#include "kiln/Target/CPU/CPUTarget.h"

#include "../CompilerSupport.h"
#include "../Native/NativeCode.h"
#include "kiln/Conversion/TileToCPU/Passes.h"
#include "kiln/Dialect/Tile/IR/Tile.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::cpu;

namespace {

class LoadedKernel : public CompiledKernel {
public:
  LoadedKernel(native::NativeCode code, size_t scratch) : code(std::move(code)), scratch(scratch) {}
  Entry entry() const override { return code.entry.toPtr<Entry>(); }
  size_t scratchBytes() const override { return scratch; }

private:
  native::NativeCode code;
  size_t scratch;
};

} // namespace

std::string cpu::hostDescription() { return native::host().cpu + " " + native::host().features; }

std::string cpu::pipelineArguments(const Options &options) {
  std::string text = "--tile-to-cpu='vector-bits=" + std::to_string(native::host().vectorBits);
  if (options.checkBounds)
    text += " check-bounds=true";
  if (options.asserts)
    text += " asserts=true";
  return text + "'";
}

llvm::Expected<std::unique_ptr<CompiledKernel>> cpu::compile(ModuleOp module, const Options &options) {
  MLIRContext *context = module.getContext();
  DialectRegistry registry;
  registerTileToCPUDependencies(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  context->appendDialectRegistry(registry);

  SmallVector<func::FuncOp> kernels(
      llvm::make_filter_range(module.getOps<func::FuncOp>(), [](func::FuncOp f) { return tile::isKernel(f); }));
  if (kernels.size() != 1)
    return llvm::createStringError("a module must hold one kernel, this one holds %zu", kernels.size());

  FirstError firstError(context);
  TileToCPUOptions lowering;
  lowering.vectorBits = native::host().vectorBits;
  lowering.checkBounds = options.checkBounds;
  lowering.asserts = options.asserts;
  PassManager passes(context);
  passes.enableVerifier(false);
  if (options.dump) {
    options.dump("tile", printed(module));
    PassManager loops(context);
    buildTileToCPULoopsPipeline(loops, lowering);
    OwningOpRef<ModuleOp> copy = module.clone();
    if (succeeded(loops.run(*copy)))
      options.dump("loops", printed(*copy));
  }
  // Kernels are named freely: like a function of C, like what compiled code calls, not at all. No other symbol has a
  // dot behind this word.
  std::string name = "kernel." + kernels[0].getName().str();
  kernels[0].setSymName(name);
  buildTileToCPUPipeline(passes, lowering);
  if (failed(passes.run(module)))
    return firstError.error("the kernel could not be lowered for the CPU");
  if (options.dump)
    options.dump("llvm", printed(module));

  auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
  size_t scratch = function->getAttrOfType<IntegerAttr>(kScratchBytesAttr).getInt();
  function->removeAttr(kScratchBytesAttr);
  auto llvmContext = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(module, *llvmContext, name);
  if (!llvmModule)
    return firstError.error("the kernel could not be translated to LLVM IR");

  native::NativeOptions loading;
  loading.symbols = options.symbols;
  loading.dump = options.dump;
  llvm::Expected<native::NativeCode> code =
      native::loadNativeCode(std::move(llvmModule), std::move(llvmContext), name, loading);
  if (!code)
    return code.takeError();
  return std::make_unique<LoadedKernel>(std::move(*code), scratch);
}
