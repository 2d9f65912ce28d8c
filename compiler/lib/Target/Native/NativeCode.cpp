//===- NativeCode.cpp - LLVM IR to code in this process -------------------===//

#include "NativeCode.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/CompileUtils.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/PassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include <mutex>

using namespace llvm;
using namespace kiln::native;

static Host describeHost() {
  StringMap<bool> available = sys::getHostCPUFeatures();
  Host result{sys::getHostCPUName().str(), "", 128};
  std::vector<std::string> enabled;
  for (const auto &feature : available)
    enabled.push_back((feature.second ? "+" : "-") + feature.first().str());
  llvm::sort(enabled); // the map is ordered by hash; the description is part of keys
  result.features = join(enabled, ",");
  auto has = [&](StringRef name) { return available.lookup(name); };
  if (has("avx512f") && has("avx512vl"))
    result.vectorBits = 512;
  else if (has("avx2") || has("sve"))
    result.vectorBits = 256;
  return result;
}

const Host &kiln::native::host() {
  static const Host description = describeHost();
  return description;
}

/// The schedulers of the backend compare each access of a block with all others until there are so many that they take
/// a part of them as one: by default after 1000, when thousands of accesses without a branch, as unrolled loads are,
/// have taken a minute. The blocks of loops have far fewer, and no other code changes.
static void limitScheduling() {
  auto option = cl::getRegisteredOptions().find("dag-maps-huge-region");
  assert(option != cl::getRegisteredOptions().end() && "the backend is linked");
  static_cast<cl::opt<unsigned> *>(option->second)->setValue(200);
}

static Expected<orc::JITTargetMachineBuilder> targetMachineBuilder(Effort effort) {
  static std::once_flag once;
  std::call_once(once, [] {
    InitializeNativeTarget();
    InitializeNativeTargetAsmPrinter();
    limitScheduling();
  });
  orc::JITTargetMachineBuilder builder{Triple(sys::getProcessTriple())};
  builder.setCPU(host().cpu);
  std::vector<std::string> features;
  for (StringRef feature : split(host().features, ','))
    features.push_back(feature.str());
  builder.addFeatures(features);
  builder.setRelocationModel(Reloc::PIC_);
  builder.setCodeModel(CodeModel::Small); // what the linker of LLJIT expects
  builder.setCodeGenOptLevel(effort == Effort::Full ? CodeGenOptLevel::Default : CodeGenOptLevel::None);
  // No fusion of a*b+c that the program does not spell: contraction is the language's decision.
  builder.getOptions().AllowFPOpFusion = FPOpFusion::Strict;
  return builder;
}

/// Loops are vectorised and blocked already, by facts that LLVM cannot see; unrolling them again doubles the compile
/// time of the decode kernel and makes it no faster. What is left is to clean up addresses and to hoist
/// what does not change.
static void optimize(Module &module, TargetMachine &machine) {
  PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  tuning.LoopUnrolling = false;
  PassBuilder builder(&machine, tuning);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager callGraph;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O2).run(module, modules);
}

/// A choice between two floats as one between their bits.
static Value *selectFloat(IRBuilder<> &builder, Value *condition, Value *x, Value *y) {
  Type *bits = builder.getIntNTy(x->getType()->getScalarSizeInBits());
  Value *chosen = builder.CreateSelect(condition, builder.CreateBitCast(x, bits), builder.CreateBitCast(y, bits));
  return builder.CreateBitCast(chosen, x->getType());
}

/// The smaller or the larger of two floats, NaN if one is, and -0 less than 0.
static Value *selectExtremum(IRBuilder<> &builder, bool isMaximum, Value *x, Value *y) {
  Type *bits = builder.getIntNTy(x->getType()->getScalarSizeInBits());
  Value *bitsX = builder.CreateBitCast(x, bits), *bitsY = builder.CreateBitCast(y, bits);
  // Equal floats are the same or zeros.
  Value *result = isMaximum ? builder.CreateAnd(bitsX, bitsY) : builder.CreateOr(bitsX, bitsY);
  result = builder.CreateSelect(isMaximum ? builder.CreateFCmpOGT(x, y) : builder.CreateFCmpOLT(x, y), bitsX, result);
  result = builder.CreateSelect(isMaximum ? builder.CreateFCmpOLT(x, y) : builder.CreateFCmpOGT(x, y), bitsY, result);
  Value *nan = builder.CreateBitCast(builder.CreateFAdd(x, y), bits);
  return builder.CreateBitCast(builder.CreateSelect(builder.CreateFCmpUNO(x, y), nan, result), x->getType());
}

/// Without optimisation, the backend makes a branch of a choice between floats and moves the rest of the block for each
/// of them: in straight code that takes longer than everything else. Integers have an instruction.
static void avoidBranches(Module &module) {
  for (Function &function : module) {
    for (Instruction &instruction : make_early_inc_range(instructions(function))) {
      if (!instruction.getType()->isFloatingPointTy())
        continue;
      IRBuilder<> builder(&instruction);
      Value *replacement = nullptr;
      if (auto *select = dyn_cast<SelectInst>(&instruction))
        replacement = selectFloat(builder, select->getCondition(), select->getTrueValue(), select->getFalseValue());
      else if (auto *call = dyn_cast<IntrinsicInst>(&instruction);
               call && is_contained({Intrinsic::maximum, Intrinsic::minimum}, call->getIntrinsicID()))
        replacement = selectExtremum(builder, call->getIntrinsicID() == Intrinsic::maximum, call->getArgOperand(0),
                                     call->getArgOperand(1));
      if (!replacement)
        continue;
      instruction.replaceAllUsesWith(replacement);
      instruction.eraseFromParent();
    }
  }
}

static void dumpAssembly(Module &module, TargetMachine &machine, const NativeOptions &options) {
  SmallString<0> text;
  raw_svector_ostream stream(text);
  legacy::PassManager passes;
  std::unique_ptr<Module> copy = CloneModule(module);
  if (!machine.addPassesToEmitFile(passes, stream, nullptr, CodeGenFileType::AssemblyFile))
    passes.run(*copy);
  options.dump("asm", text);
}

/// Leaves the size of a frame that is too large in `*size`.
static void noteFrame(const DiagnosticInfo *info, void *size) {
  if (auto *frame = dyn_cast<DiagnosticInfoStackSize>(info))
    *static_cast<uint64_t *>(size) = frame->getStackSize();
}

Expected<NativeCode> kiln::native::loadNativeCode(std::unique_ptr<Module> module, std::unique_ptr<LLVMContext> context,
                                                  StringRef entry, const NativeOptions &options) {
  Expected<orc::JITTargetMachineBuilder> machineBuilder = targetMachineBuilder(options.effort);
  if (!machineBuilder)
    return machineBuilder.takeError();
  Expected<std::unique_ptr<TargetMachine>> machine = machineBuilder->createTargetMachine();
  if (!machine)
    return machine.takeError();
  module->setDataLayout((*machine)->createDataLayout());
  module->setTargetTriple((*machine)->getTargetTriple());
  for (Function &function : *module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", host().cpu);
    function.addFnAttr("target-features", host().features);
    function.addFnAttr("prefer-vector-width", std::to_string(host().vectorBits));
    function.addFnAttr(Attribute::NoUnwind);
    if (options.maxFrameBytes)
      function.addFnAttr("warn-stack-size", std::to_string(*options.maxFrameBytes));
  }
  if (options.effort == Effort::Full)
    optimize(*module, **machine);
  else
    avoidBranches(*module);
  if (options.dump) {
    std::string text;
    raw_string_ostream(text) << *module;
    options.dump("llvmir", text);
    dumpAssembly(*module, **machine, options);
  }
  uint64_t frame = 0;
  context->setDiagnosticHandlerCallBack(noteFrame, &frame);

  Expected<std::unique_ptr<orc::LLJIT>> jit =
      orc::LLJITBuilder().setJITTargetMachineBuilder(std::move(*machineBuilder)).create();
  if (!jit)
    return jit.takeError();
  orc::JITDylib &library = (*jit)->getMainJITDylib();
  orc::SymbolMap map;
  for (auto [name, address] : options.symbols)
    map[(*jit)->mangleAndIntern(name)] = {orc::ExecutorAddr::fromPtr(address), JITSymbolFlags::Exported};
  if (Error error = library.define(orc::absoluteSymbols(std::move(map))))
    return std::move(error);
  // memcpy and the mathematical functions of f64 come from this process.
  auto process = orc::DynamicLibrarySearchGenerator::GetForCurrentProcess((*jit)->getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  library.addGenerator(std::move(*process));
  if (Error error = (*jit)->addIRModule(orc::ThreadSafeModule(std::move(module), std::move(context))))
    return std::move(error);
  Expected<orc::ExecutorAddr> address = (*jit)->lookup(entry);
  if (!address)
    return address.takeError();
  if (frame != 0)
    return createStringError("a function takes %llu bytes of the stack, but may take %u",
                             static_cast<unsigned long long>(frame), *options.maxFrameBytes);
  return NativeCode{std::move(*jit), *address};
}
