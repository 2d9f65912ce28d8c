//===- EmulatorTarget.cpp - GPU code for the processor of this machine ----===//

#include "kiln/Target/Emulator/EmulatorTarget.h"

#include "../CompilerSupport.h"
#include "../NVPTX/LowerKernel.h"
#include "../Native/NativeCode.h"
#include "kiln/Conversion/TileGPUToLLVM/Passes.h"
#include "kiln/Conversion/TileToEmulator/Pipelines.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::emulator;

namespace {

/// What the code of one thread may keep on its stack: threads are many, and each has a small one.
constexpr unsigned kMaxFrameBytes = 128 * 1024;

class LoadedKernel : public CompiledKernel {
public:
  explicit LoadedKernel(native::NativeCode code) : code(std::move(code)) {}
  Entry entry() const override { return code.entry.toPtr<Entry>(); }

private:
  native::NativeCode code;
};

/// Whether the kernel is the code of one thread already: no tiles are left.
bool isThreadCode(func::FuncOp kernel) {
  auto isOfThread = [](Type type) { return !isa<tile::PtrType, ShapedType>(type); };
  if (!llvm::all_of(kernel.getArgumentTypes(), isOfThread))
    return false;
  WalkResult found = kernel.walk([&](Operation *op) {
    bool isTile = isa_and_nonnull<tile::TileDialect, tile_gpu::TileGPUDialect>(op->getDialect());
    bool fits = (!isTile || isa<tile_gpu::MachineOp>(op)) && llvm::all_of(op->getResultTypes(), isOfThread);
    return fits ? WalkResult::advance() : WalkResult::interrupt();
  });
  return !found.wasInterrupted();
}

std::string text(DictionaryAttr entry, StringRef name) {
  auto value = entry.getAs<StringAttr>(name);
  return value ? value.str() : std::string();
}

std::vector<Site> readSites(Operation *kernel) {
  std::vector<Site> sites;
  for (auto entry : kernel->getAttrOfType<ArrayAttr>(kSitesAttr).getAsRange<DictionaryAttr>())
    sites.push_back({text(entry, "operation"), text(entry, "place"), text(entry, "text"), text(entry, "types")});
  return sites;
}

std::vector<std::vector<Count>> readBlocks(Operation *kernel) {
  std::vector<std::vector<Count>> blocks;
  for (auto block : kernel->getAttrOfType<ArrayAttr>(kBlocksAttr).getAsRange<ArrayAttr>()) {
    std::vector<Count> &counts = blocks.emplace_back();
    for (auto entry : block.getAsRange<DictionaryAttr>()) {
      auto kind = llvm::StringSwitch<OperationClass>(entry.getAs<StringAttr>("kind"))
                      .Case("integer", OperationClass::Integer)
                      .Case("floating", OperationClass::Floating)
                      .Case("conversion", OperationClass::Conversion)
                      .Default(OperationClass::Control);
      counts.push_back({text(entry, "place"), kind, static_cast<uint32_t>(entry.getAs<IntegerAttr>("count").getInt())});
    }
  }
  return blocks;
}

} // namespace

std::string emulator::pipelineArguments(const gpu::GPUTarget &target, const Options &options) {
  TileToGPUOptions lowering;
  gpu::describe(target, options.asserts, lowering);
  lowering.checkExchanges = true;
  return "--tile-to-emulator='" + gpu::arguments(lowering) + "'";
}

llvm::Expected<std::unique_ptr<CompiledKernel>> emulator::compile(ModuleOp module, const gpu::GPUTarget &target,
                                                                  const Options &options) {
  MLIRContext *context = module.getContext();
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  context->appendDialectRegistry(registry);
  func::FuncOp kernel = gpu::findKernel(module);
  if (!kernel)
    return llvm::createStringError("the module holds no kernel");

  FirstError firstError(context);
  const char *failure = "the kernel could not be lowered for the emulator";
  TileToGPUOptions lowering;
  gpu::describe(target, options.asserts, lowering);
  lowering.checkExchanges = true;
  if (isThreadCode(kernel)) {
    if (options.dump)
      options.dump("threads", printed(module));
  } else if (failed(gpu::lowerToThread(module, lowering, options.dump))) {
    return firstError.error(failure);
  }
  kernel = gpu::findKernel(module);
  gpu::CompiledKernel description = gpu::describeKernel(kernel);
  // A kernel of the name of a function that the code calls must not stand in for it.
  std::string entry = "kiln_thread_" + description.name;
  kernel.setName(entry);
  if (failed(gpu::runStage(module, "llvm", buildTileToEmulatorLLVMPipeline, lowering, options.dump)))
    return firstError.error(failure);

  auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(entry);
  std::vector<Site> sites = readSites(function);
  std::vector<std::vector<Count>> blocks = readBlocks(function);
  function->removeAttr(kSitesAttr);
  function->removeAttr(kBlocksAttr);
  auto llvmContext = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> llvmModule = translateModuleToLLVMIR(module, *llvmContext, entry);
  if (!llvmModule)
    return firstError.error("the kernel could not be translated to LLVM IR");

  SmallVector<std::pair<StringRef, void *>> symbols(options.symbols);
  symbols.emplace_back(kExecuteSymbol, reinterpret_cast<void *>(options.execute));
  native::NativeOptions loading;
  loading.symbols = symbols;
  loading.effort = native::Effort::Quick;
  loading.maxFrameBytes = kMaxFrameBytes;
  loading.dump = options.dump;
  llvm::Expected<native::NativeCode> code =
      native::loadNativeCode(std::move(llvmModule), std::move(llvmContext), entry, loading);
  if (!code)
    return code.takeError();
  auto result = std::make_unique<LoadedKernel>(std::move(*code));
  result->sites = std::move(sites);
  result->blocks = std::move(blocks);
  result->description = std::move(description);
  return result;
}
