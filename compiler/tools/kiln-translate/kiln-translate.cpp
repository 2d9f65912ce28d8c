//===- kiln-translate.cpp - Prints the PTX of a thread's code ---------------------------------------------===//
//
// Takes a module of the thread level (tile_gpu.machine, arith, math, cf, func) or of the LLVM dialect.
//
//===------------------------------------------------------------------------------------------------------===//

#include "../Registration.h"

#include "kiln/Conversion/TileGPUToLLVM/Passes.h"
#include "kiln/Dialect/Tile/IR/DeviceFunctions.h"
#include "kiln/Dialect/TileGPU/IR/MachineOps.h"
#include "kiln/Target/NVPTX/EmitPTX.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace kiln;
namespace cl = llvm::cl;

static cl::OptionCategory category("kiln-translate");
static cl::opt<std::string> input(cl::Positional, cl::desc("<file.mlir>"), cl::init("-"), cl::cat(category));
static cl::opt<std::string> output("o", cl::desc("file to write"), cl::init("-"), cl::cat(category));
static cl::opt<std::string> arch("arch", cl::desc("GPU architecture"), cl::init("sm_80"), cl::cat(category));
static cl::opt<bool> lineInfo("line-info", cl::desc("say which lines of the source instructions come from"),
                              cl::cat(category));
static cl::opt<bool> emitLLVM("emit-llvm", cl::desc("print the optimised LLVM IR instead of PTX"), cl::cat(category));
static cl::list<std::string> deviceFunctions("device-function",
                                             cl::desc("code of a device function of words: LLVM IR or bitcode, or PTX "
                                                      "in a file named *.ptx"),
                                             cl::value_desc("symbol=file"), cl::cat(category));
static cl::opt<bool> listMachineOps("list-machine-ops", cl::desc("print the table of machine operations"),
                                    cl::cat(category));

/// Reads what --device-function names. The scalars of a function are the words that the module declares, its first
/// result is returned, and the others are written through pointers behind the arguments.
static llvm::Error readDeviceFunctions(ModuleOp module, SmallVectorImpl<gpu::DeviceCode> &functions) {
  for (StringRef argument : deviceFunctions) {
    auto [symbol, path] = argument.split('=');
    auto file = llvm::MemoryBuffer::getFile(path);
    if (!file)
      return llvm::createStringError(path + ": " + file.getError().message());
    auto declaration = module.lookupSymbol<func::FuncOp>((tile::kDeviceFunctionPrefix + symbol).str());
    if (!declaration)
      return llvm::createStringError("the module declares no device function '" + symbol + "'");
    gpu::DeviceCode &code = functions.emplace_back();
    code.symbol = code.name = symbol.str();
    (path.ends_with(".ptx") ? code.ptx : code.bitcode) = (*file)->getBuffer().str();
    code.type = declaration.getFunctionType();
    code.returnsValue = declaration.getNumResults() != 0;
    code.isPointer.assign(declaration.getNumArguments(), false);
    if (code.returnsValue)
      code.isPointer.append(declaration.getNumResults() - 1, true);
  }
  return llvm::Error::success();
}

/// The PTX, or the LLVM IR that it is made from.
static llvm::Expected<std::string> translate(ModuleOp module) {
  llvm::Expected<gpu::GPUTarget> target = gpu::GPUTarget::parse(arch);
  if (!target)
    return target.takeError();
  SmallVector<gpu::DeviceCode> functions;
  if (llvm::Error error = readDeviceFunctions(module, functions))
    return std::move(error);
  if (!module.getOps<func::FuncOp>().empty()) {
    PassManager passes(module.getContext());
    TileGPUToLLVMOptions options;
    options.capability = target->capability;
    options.libdevice = !gpu::findLibdevice().empty();
    passes.addPass(createTileGPUToLLVM(options));
    if (failed(passes.run(module)))
      return llvm::createStringError("the module cannot be lowered");
  }
  std::string llvmIR;
  gpu::EmitOptions options;
  options.lineInfo = lineInfo;
  options.functions = functions;
  auto keep = [&](StringRef stage, StringRef text) {
    if (stage == "llvmir")
      llvmIR = text.str();
  };
  options.dump = keep;
  llvm::Expected<std::string> ptx = gpu::emitPTX(module, *target, options);
  if (!ptx || !emitLLVM)
    return ptx;
  return llvmIR;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  registerVersion();
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "Kiln's PTX printer\n");

  auto fail = [](const Twine &text) {
    llvm::errs() << "kiln-translate: " << text << "\n";
    return EXIT_FAILURE;
  };
  std::string message;
  std::unique_ptr<llvm::ToolOutputFile> file = openOutputFile(output, &message);
  if (!file)
    return fail(message);
  if (listMachineOps) {
    tile_gpu::printMachineRows(file->os());
    file->keep();
    return EXIT_SUCCESS;
  }
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(input, &message);
  if (!buffer)
    return fail(message);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry);
  SourceMgrDiagnosticHandler diagnostics(sources, &context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module)
    return EXIT_FAILURE;
  llvm::Expected<std::string> text = translate(*module);
  if (!text)
    return fail(llvm::toString(text.takeError()));
  file->os() << *text;
  file->keep();
  return EXIT_SUCCESS;
}
