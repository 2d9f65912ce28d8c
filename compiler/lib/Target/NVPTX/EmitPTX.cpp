//===- EmitPTX.cpp - From the LLVM dialect to PTX -------------------------===//

#include "kiln/Target/NVPTX/EmitPTX.h"

#include "FatalErrors.h"
#include "kiln/Conversion/TileGPUToLLVM/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm-c/Target.h"
#include "llvm/Analysis/CGSCCPassManager.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/AlwaysInliner.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"
#include "llvm/Transforms/IPO/Internalize.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/SROA.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"
#include <mutex>

using namespace mlir;
using namespace kiln;
using namespace kiln::gpu;

namespace {

/// Everything that code generation of one module holds.
struct Generation {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::string error; // what LLVM diagnosed
  llvm::SmallString<0> ptx;
  llvm::legacy::PassManager passes;
};

/// Keeps what a fatal error interrupted: it is in no state to be destroyed.
void abandon(std::unique_ptr<Generation> generation) {
  static std::mutex mutex;
  static auto &abandoned = *new std::vector<std::unique_ptr<Generation>>;
  std::lock_guard lock(mutex);
  abandoned.push_back(std::move(generation));
}

void initialize() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    // Addresses of shared and local memory have 32 bits. The backend knows this as a command line option alone.
    auto option = llvm::cl::getRegisteredOptions().find("nvptx-short-ptr");
    assert(option != llvm::cl::getRegisteredOptions().end() && "the backend is linked");
    static_cast<llvm::cl::opt<bool> *>(option->second)->setValue(true);
  });
}

std::unique_ptr<llvm::TargetMachine> createMachine(const GPUTarget &target, unsigned ptx) {
  initialize();
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const llvm::Target *backend = llvm::TargetRegistry::lookupTarget(triple, error);
  assert(backend && "the backend is linked");
  llvm::TargetOptions options;
  // No fusion of a*b+c that the program does not spell: contraction is the language's decision.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(
      backend->createTargetMachine(triple, target.name, "+ptx" + std::to_string(ptx), options, llvm::Reloc::PIC_,
                                   std::nullopt, llvm::CodeGenOptLevel::Default));
}

std::string nameOfKernel(ModuleOp module) {
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (function->hasAttr("nvvm.kernel"))
      return function.getName().str();
  return "(no kernel)";
}

FileLineColLoc fileLocation(Operation *op) {
  FileLineColLoc found;
  op->getLoc()->walk([&](Location location) {
    found = dyn_cast<FileLineColLoc>(location);
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found;
}

/// Ties the operations to lines of the source. Directives only: with full line tables ptxas refuses to optimise.
LogicalResult addLineInfo(ModuleOp module) {
  // A function that comes from no file gets the first file of an operation, without which all would count as one file.
  FileLineColLoc first;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    first = fileLocation(op);
    return first && !isa<ModuleOp>(op) ? WalkResult::interrupt() : WalkResult::advance();
  });
  if (!first)
    return success();
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (!fileLocation(function))
      function->setLoc(FileLineColLoc::get(first.getFilename(), first.getLine(), 0));

  LLVM::DIScopeForLLVMFuncOpPassOptions options;
  options.emissionKind = LLVM::DIEmissionKind::DebugDirectivesOnly;
  PassManager passes(module.getContext());
  passes.enableVerifier(false);
  passes.addPass(LLVM::createDIScopeForLLVMFuncOpPass(options));
  if (failed(passes.run(module)))
    return failure();
  // The pass takes every operation to stand in the file of its function; what helpers in other files have made does
  // not.
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    auto scope = function.getLoc()->findInstanceOf<FusedLocWith<LLVM::DISubprogramAttr>>();
    auto own = function.getLoc()->findInstanceOf<FileLineColLoc>();
    if (!scope || !own)
      continue;
    function.walk([&](Operation *op) {
      auto place = dyn_cast<FileLineColLoc>(op->getLoc());
      if (!place || place.getFilename() == own.getFilename())
        return;
      StringRef path = place.getFilename();
      auto file = LLVM::DIFileAttr::get(module.getContext(), llvm::sys::path::filename(path),
                                        llvm::sys::path::parent_path(path));
      auto block =
          LLVM::DILexicalBlockFileAttr::get(module.getContext(), scope.getMetadata(), file, /*discriminator=*/0);
      op->setLoc(FusedLoc::get(module.getContext(), {place}, block));
    });
  }
  return success();
}

/// Says of calls what the LLVM dialect cannot say, or what LLVM does not know. Inline assembly may do anything unless
/// it says otherwise. All lanes take part in a product on tensor cores, so it must not move under a condition.
void describeCalls(llvm::Module &module) {
  for (llvm::Function &function : module) {
    for (llvm::Instruction &instruction : llvm::instructions(function)) {
      auto *call = dyn_cast<llvm::CallInst>(&instruction);
      if (!call)
        continue;
      if (auto *assembly = dyn_cast<llvm::InlineAsm>(call->getCalledOperand())) {
        call->setDoesNotThrow();
        if (!assembly->hasSideEffects())
          call->setDoesNotAccessMemory();
      } else if (call->getCalledOperand()->getName().starts_with("llvm.nvvm.mma.")) {
        call->setConvergent();
      }
    }
  }
}

/// Links what `module` calls of libdevice, if anything.
llvm::Error linkLibdevice(llvm::Module &module) {
  bool calls =
      llvm::any_of(module, [](llvm::Function &f) { return f.isDeclaration() && f.getName().starts_with("__nv_"); });
  if (!calls)
    return llvm::Error::success();
  std::string path = findLibdevice();
  if (path.empty())
    return llvm::createStringError("the kernel calls NVIDIA's libdevice, which was not found");
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return llvm::createStringError(path + ": " + buffer.getError().message());
  // Lazy: only the functions that are called are read.
  llvm::Expected<std::unique_ptr<llvm::Module>> parsed =
      llvm::getOwningLazyBitcodeModule(std::move(*buffer), module.getContext());
  if (!parsed)
    return llvm::createStringError(path + ": " + llvm::toString(parsed.takeError()));
  std::unique_ptr<llvm::Module> library = std::move(*parsed);
  library->setTargetTriple(module.getTargetTriple());
  library->setDataLayout(module.getDataLayout());
  bool failed = llvm::Linker::linkModules(module, std::move(library), llvm::Linker::LinkOnlyNeeded,
                                          [](llvm::Module &linked, const llvm::StringSet<> &names) {
                                            llvm::internalizeModule(linked, [&](const llvm::GlobalValue &value) {
                                              return !value.hasName() || !names.count(value.getName());
                                            });
                                          });
  return failed ? llvm::createStringError("NVIDIA's libdevice cannot be linked") : llvm::Error::success();
}

/// Loops are unrolled and memory accesses vectorised already, and instructions stand in the order that they should
/// have; what is left is to clean up addresses and branches. A pipeline of LLVM's own takes four times as long and
/// makes more code of the same kernel.
void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);

  llvm::FunctionPassManager each;
  each.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  each.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  each.addPass(llvm::InstCombinePass());
  each.addPass(llvm::SimplifyCFGPass());
  llvm::ModulePassManager passes;
  passes.addPass(llvm::AlwaysInlinerPass());
  passes.addPass(llvm::GlobalDCEPass());
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(each)));
  passes.run(module, modules);
}

/// From LLVM IR to PTX; errors are left in `generation.error`.
void generate(Generation &generation, const EmitOptions &options) {
  llvm::Module &module = *generation.module;
  describeCalls(module);
  llvm::Error error = linkBitcode(module, options.functions);
  if (!error)
    error = linkLibdevice(module);
  if (error) {
    generation.error = llvm::toString(std::move(error));
    return;
  }
  optimize(module, *generation.machine);
  if (options.dump) {
    std::string text;
    llvm::raw_string_ostream(text) << module;
    options.dump("llvmir", text);
  }
  llvm::raw_svector_ostream stream(generation.ptx);
  if (generation.machine->addPassesToEmitFile(generation.passes, stream, nullptr,
                                              llvm::CodeGenFileType::AssemblyFile)) {
    generation.error = "the backend writes no PTX";
    return;
  }
  generation.passes.run(module);
}

} // namespace

std::string gpu::findLibdevice() {
  const char *const roots[] = {std::getenv("CUDA_HOME"), std::getenv("CUDA_PATH"), "/usr/local/cuda"};
  for (const char *root : roots) {
    if (!root || !*root)
      continue;
    llvm::SmallString<128> path(root);
    llvm::sys::path::append(path, "nvvm", "libdevice", "libdevice.10.bc");
    if (llvm::sys::fs::exists(path))
      return std::string(path);
  }
  return {};
}

llvm::Expected<std::string> gpu::emitPTX(ModuleOp module, const GPUTarget &target, const EmitOptions &options) {
  MLIRContext *context = module.getContext();
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
  context->appendDialectRegistry(registry);
  context->getOrLoadDialect("nvvm");

  std::string kernel = nameOfKernel(module);
  auto error = [&](const Twine &text) {
    return llvm::createStringError("kernel '" + kernel + "' for " + target.name + ": " + text);
  };
  unsigned version = target.ptx;
  if (auto needed = module->getAttrOfType<IntegerAttr>(kPTXVersionAttr))
    version = std::max<unsigned>(version, needed.getInt());
  if (options.lineInfo && failed(addLineInfo(module)))
    return error("line information cannot be added");

  auto generation = std::make_unique<Generation>();
  generation->machine = createMachine(target, version);
  generation->context.setDiagnosticHandlerCallBack(
      [](const llvm::DiagnosticInfo *info, void *text) {
        if (info->getSeverity() != llvm::DS_Error)
          return;
        llvm::raw_string_ostream stream(*static_cast<std::string *>(text));
        llvm::DiagnosticPrinterRawOStream printer(stream);
        info->print(printer);
      },
      &generation->error);
  module->setAttr(LLVM::LLVMDialect::getDataLayoutAttrName(),
                  StringAttr::get(context, generation->machine->createDataLayout().getStringRepresentation()));
  module->setAttr(LLVM::LLVMDialect::getTargetTripleAttrName(),
                  StringAttr::get(context, generation->machine->getTargetTriple().str()));
  generation->module = translateModuleToLLVMIR(module, generation->context, kernel);
  if (!generation->module)
    return error("it cannot be translated to LLVM IR");

  if (std::optional<std::string> fatal = catchFatalErrors([&] { generate(*generation, options); })) {
    abandon(std::move(generation));
    return error("LLVM stopped: " + *fatal);
  }
  if (!generation->error.empty())
    return error(generation->error);
  std::string ptx = linkPTX(generation->ptx, options.functions);
  if (options.dump)
    options.dump("ptx", ptx);
  return ptx;
}
