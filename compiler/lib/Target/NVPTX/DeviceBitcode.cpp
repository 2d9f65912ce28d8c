//===- DeviceBitcode.cpp - Device functions that are bitcode --------------===//

#include "kiln/Dialect/Tile/IR/DeviceFunctions.h"
#include "kiln/Target/NVPTX/DeviceCode.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Transforms/IPO/Internalize.h"

using namespace llvm;
using namespace kiln;
using namespace kiln::gpu;

namespace {

std::string text(const Type *type) {
  std::string result;
  raw_string_ostream(result) << *type;
  return result;
}

/// The types that a compiler may give a scalar in a parameter, the best first.
SmallVector<Type *, 2> typesOf(mlir::Type scalar, LLVMContext &context) {
  if (scalar.isInteger(1))
    return {Type::getInt1Ty(context), Type::getInt8Ty(context)};
  if (scalar.isF16())
    return {Type::getHalfTy(context), Type::getInt16Ty(context)};
  if (scalar.isBF16())
    return {Type::getBFloatTy(context), Type::getInt16Ty(context)};
  if (scalar.isF32())
    return {Type::getFloatTy(context)};
  if (scalar.isF64())
    return {Type::getDoubleTy(context)};
  return {Type::getIntNTy(context, scalar.getIntOrFloatBitWidth())};
}

/// What the function should be: "float (half, ptr)".
std::string expectedType(const DeviceCode &code, LLVMContext &context) {
  ArrayRef<mlir::Type> inputs = code.type.getInputs(), results = code.type.getResults();
  std::string result = code.returnsValue ? text(typesOf(results.front(), context).front()) : "void";
  result += " (";
  for (bool isPointer : code.isPointer) {
    if (result.back() != '(')
      result += ", ";
    result += isPointer ? "ptr" : text(typesOf(inputs.front(), context).front());
    inputs = inputs.drop_front(!isPointer);
  }
  return result + ")";
}

bool hasExpectedType(FunctionType *type, const DeviceCode &code) {
  ArrayRef<mlir::Type> inputs = code.type.getInputs();
  LLVMContext &context = type->getContext();
  if (type->isVarArg() || type->getNumParams() != code.isPointer.size())
    return false;
  if (code.returnsValue ? !is_contained(typesOf(code.type.getResult(0), context), type->getReturnType())
                        : !type->getReturnType()->isVoidTy())
    return false;
  for (auto [parameter, isPointer] : zip_equal(type->params(), code.isPointer)) {
    if (isPointer ? parameter != PointerType::get(context, 0)
                  : !is_contained(typesOf(inputs.front(), context), parameter))
      return false;
    inputs = inputs.drop_front(!isPointer);
  }
  return true;
}

Value *fromWord(IRBuilder<> &b, Value *word, Type *type) {
  if (word->getType() == type)
    return word;
  Type *bits = b.getIntNTy(type->getPrimitiveSizeInBits());
  return b.CreateBitCast(b.CreateTrunc(word, bits), type);
}

Value *toWord(IRBuilder<> &b, Value *value, Type *word) {
  if (value->getType() == word)
    return value;
  return b.CreateZExt(b.CreateBitCast(value, b.getIntNTy(value->getType()->getPrimitiveSizeInBits())), word);
}

/// Gives the function of words a body that calls `target`.
void defineAdapter(Function &adapter, Function &target, const DeviceCode &code) {
  LLVMContext &context = adapter.getContext();
  IRBuilder<> b(BasicBlock::Create(context, "", &adapter));
  SmallVector<Type *> words; // of the results
  if (auto *packed = dyn_cast<StructType>(adapter.getReturnType()))
    words.append(packed->element_begin(), packed->element_end());
  else if (!adapter.getReturnType()->isVoidTy())
    words.push_back(adapter.getReturnType());

  SmallVector<Value *> arguments;
  SmallVector<std::pair<Value *, Type *>> written; // where results are written through pointers
  auto *word = adapter.arg_begin();
  ArrayRef<mlir::Type> outputs = code.type.getResults().drop_front(code.returnsValue);
  for (auto [parameter, isPointer] : zip_equal(target.getFunctionType()->params(), code.isPointer)) {
    if (!isPointer) {
      arguments.push_back(fromWord(b, &*word++, parameter));
      continue;
    }
    // In memory an i1 is a byte.
    Type *stored = typesOf(outputs[written.size()], context).back();
    written.push_back({b.CreateAlloca(stored), stored});
    b.CreateStore(Constant::getNullValue(stored), written.back().first);
    arguments.push_back(written.back().first);
  }
  CallInst *call = b.CreateCall(&target, arguments);
  call->setCallingConv(target.getCallingConv());
  SmallVector<Value *> results;
  if (code.returnsValue)
    results.push_back(toWord(b, call, words[0]));
  for (auto [place, type] : written)
    results.push_back(toWord(b, b.CreateLoad(type, place), words[results.size()]));
  if (results.empty())
    b.CreateRetVoid();
  else if (results.size() == 1)
    b.CreateRet(results.front());
  else
    b.CreateAggregateRet(results.data(), results.size());
  adapter.setLinkage(GlobalValue::InternalLinkage);
}

/// Everything is to become part of the kernel, however it was compiled.
void makeInline(Function &function) {
  for (Attribute::AttrKind kind : {Attribute::NoInline, Attribute::OptimizeNone})
    function.removeFnAttr(kind);
  for (StringRef kind : {"target-cpu", "target-features", "tune-cpu"})
    function.removeFnAttr(kind);
  if (!function.isDeclaration())
    function.addFnAttr(Attribute::AlwaysInline);
}

Error link(Module &module, const DeviceCode &code) {
  Function *adapter = module.getFunction((tile::kDeviceFunctionPrefix + code.symbol).str());
  if (!adapter)
    return Error::success(); // every call of it was found to be without use
  auto error = [&](const Twine &message) {
    return createStringError("the bitcode of device function '" + code.name + "' " + message);
  };
  SMDiagnostic diagnostic;
  std::unique_ptr<Module> library = parseIR(MemoryBufferRef(code.bitcode, code.name), diagnostic, module.getContext());
  if (!library)
    return error(
        "cannot be read: " + (diagnostic.getLineNo() > 0 ? "line " + Twine(diagnostic.getLineNo()) + ": " : Twine()) +
        diagnostic.getMessage());
  const Triple &triple = library->getTargetTriple();
  if (!triple.str().empty() && triple.getArch() != Triple::nvptx64)
    return error("is for '" + triple.str() + "': a GPU takes code for nvptx64-nvidia-cuda");
  Function *target = library->getFunction(code.name);
  if (!target || target->isDeclaration())
    return error("defines no function '" + code.name + "'; one that is not extern \"C\" has another name there");
  if (!hasExpectedType(target->getFunctionType(), code))
    return error("has it as '" + text(target->getFunctionType()) + "', but its signature needs '" +
                 expectedType(code, module.getContext()) + "'");
  for (Function &function : *library) {
    makeInline(function);
    if (function.isDeclaration() && !function.use_empty() && !function.isIntrinsic() &&
        !function.getName().starts_with("__nv_"))
      return error("calls '" + function.getName() + "', which it does not define");
  }
  library->setTargetTriple(module.getTargetTriple());
  library->setDataLayout(module.getDataLayout());
  // Two functions may come from files that have names in common; what of a file is not asked for is dropped.
  std::string name = ("kiln_bitcode_" + code.symbol);
  target->setName(name);
  target->setLinkage(GlobalValue::ExternalLinkage);
  internalizeModule(*library, [&](const GlobalValue &value) { return value.getName() == name; });
  if (Linker::linkModules(module, std::move(library)))
    return error("cannot be linked");
  target = module.getFunction(name);
  target->setLinkage(GlobalValue::InternalLinkage);
  defineAdapter(*adapter, *target, code);
  makeInline(*adapter);
  return Error::success();
}

} // namespace

Error gpu::linkBitcode(Module &module, ArrayRef<DeviceCode> functions) {
  for (const DeviceCode &code : functions)
    if (!code.bitcode.empty())
      if (Error error = link(module, code))
        return error;
  return Error::success();
}
