//===- LowerMachineOps.cpp - Rows of the table as LLVM operations ---------===//
//
// The only place of the compiler that writes inline assembly.
//
//===----------------------------------------------------------------------===//

#include "Steps.h"

#include "kiln/Conversion/TileGPUToLLVM/Passes.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/SharedBytes.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

// NVPTX's address spaces.
constexpr unsigned kGlobalSpace = 1, kSharedSpace = 3;

/// Lowers one operation.
class MachineLowering {
public:
  MachineLowering(MachineOp op, const MachineRow &row)
      : builder(op.getLoc(), op), op(op), row(row), inputs(op.getInputs()) {}

  SmallVector<Value> lower() {
    switch (row.form) {
    case MachineForm::Intrinsic:
      return lowerIntrinsic();
    case MachineForm::Assembly:
      return lowerAssembly();
    case MachineForm::Load:
      return lowerLoad();
    case MachineForm::Store:
      return lowerStore();
    case MachineForm::Bits:
      return lowerBits();
    case MachineForm::SharedBase:
      return lowerSharedBase();
    case MachineForm::Check:
      return {};
    case MachineForm::Print:
      return lowerPrint();
    case MachineForm::AssertFail:
      return lowerAssertFail();
    }
    llvm_unreachable("all forms are handled");
  }

private:
  SmallVector<Value> lowerIntrinsic();
  SmallVector<Value> lowerAssembly();
  SmallVector<Value> lowerLoad();
  SmallVector<Value> lowerStore();
  SmallVector<Value> lowerBits();
  SmallVector<Value> lowerSharedBase();
  SmallVector<Value> lowerPrint();
  SmallVector<Value> lowerAssertFail();
  LLVM::LLVMFuncOp getRecorder();

  ModuleOp module() { return op->getParentOfType<ModuleOp>(); }
  Value constant(Type type, int64_t value) {
    return LLVM::ConstantOp::create(builder, type, builder.getIntegerAttr(type, value));
  }
  Value pointer(Value address) {
    unsigned space = address.getType().isInteger(32) ? kSharedSpace : kGlobalSpace;
    return LLVM::IntToPtrOp::create(builder, LLVM::LLVMPointerType::get(op.getContext(), space), address);
  }

  /// Several results are one struct.
  Type resultType(ArrayRef<Type> types) {
    if (types.empty())
      return {};
    return types.size() == 1 ? types[0] : LLVM::LLVMStructType::getLiteral(op.getContext(), types);
  }
  SmallVector<Value> unpack(ValueRange results, size_t count) {
    if (count < 2)
      return llvm::to_vector(results);
    SmallVector<Value> values;
    for (size_t i = 0; i < count; ++i)
      values.push_back(LLVM::ExtractValueOp::create(builder, results[0], i));
    return values;
  }

  /// Several registers as one value, and back.
  Value toVector(ValueRange values);
  SmallVector<Value> fromVector(Value value, size_t count);

  unsigned accessBytes() {
    ArrayRef<MachineType> types =
        row.form == MachineForm::Load ? ArrayRef(row.results) : ArrayRef(row.operands).drop_front();
    return tile_gpu::getType(types[0], op.getContext()).getIntOrFloatBitWidth() / 8 * types.size();
  }

  Value stringAddress(StringRef attribute) {
    return textAddress(op->getAttrOfType<StringAttr>(attribute).getValue().str());
  }
  Value textAddress(std::string text);

  ImplicitLocOpBuilder builder;
  MachineOp op;
  const MachineRow &row;
  SmallVector<Value> inputs;
};

//===----------------------------------------------------------------------===//
// Intrinsics and assembly
//===----------------------------------------------------------------------===//

SmallVector<Value> MachineLowering::lowerIntrinsic() {
  Type half2 = VectorType::get(2, builder.getF16Type());
  auto castOf = [&](size_t i) { return i < row.casts.size() ? row.casts[i] : MachineCast::None; };
  SmallVector<Value> arguments;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    MachineCast cast = castOf(i);
    arguments.push_back(cast == MachineCast::None    ? input
                        : cast == MachineCast::Half2 ? Value(LLVM::BitcastOp::create(builder, half2, input))
                                                     : pointer(input));
  }
  for (int32_t immediate : row.immediates)
    arguments.push_back(constant(builder.getI32Type(), immediate));

  SmallVector<Type> types(op.getResultTypes());
  bool castResult = castOf(inputs.size()) == MachineCast::Half2;
  if (castResult)
    types[0] = half2;
  auto name = builder.getStringAttr(row.text);
  if (types.empty()) {
    LLVM::CallIntrinsicOp::create(builder, name, arguments);
    return {};
  }
  SmallVector<Value> results =
      unpack(LLVM::CallIntrinsicOp::create(builder, resultType(types), name, arguments)->getResults(), types.size());
  if (castResult)
    results[0] = LLVM::BitcastOp::create(builder, op.getResultTypes()[0], results[0]);
  return results;
}

SmallVector<Value> MachineLowering::lowerAssembly() {
  // PTX has no registers of 8 bits, and LLVM takes the bits of a half as an integer.
  Type i16 = builder.getI16Type();
  auto registerType = [&](Type type) { return type.isInteger(8) || type.isF16() || type.isBF16() ? i16 : type; };
  SmallVector<Value> arguments;
  for (Value input : inputs) {
    if (input.getType().isInteger(8))
      input = LLVM::ZExtOp::create(builder, i16, input);
    else if (registerType(input.getType()) != input.getType())
      input = LLVM::BitcastOp::create(builder, i16, input);
    arguments.push_back(input);
  }
  SmallVector<Type> types = llvm::map_to_vector(op.getResultTypes(), registerType);
  // Side effects alone keep the backend from moving the instruction, but not from moving loads past it.
  std::string constraints = row.constraints;
  if (row.effect != MachineEffect::None && row.effect != MachineEffect::Read)
    constraints += constraints.empty() ? "~{memory}" : ",~{memory}";
  auto assembly =
      LLVM::InlineAsmOp::create(builder, resultType(types), arguments, row.text, constraints,
                                /*has_side_effects=*/row.effect != MachineEffect::None, /*is_align_stack=*/false,
                                LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(), ArrayAttr());
  SmallVector<Value> results = unpack(assembly->getResults(), types.size());
  for (auto [result, type] : llvm::zip(results, op.getResultTypes())) {
    if (type.isInteger(8))
      result = LLVM::TruncOp::create(builder, type, result);
    else if (result.getType() != type)
      result = LLVM::BitcastOp::create(builder, type, result);
  }
  return results;
}

//===----------------------------------------------------------------------===//
// Instructions of LLVM
//===----------------------------------------------------------------------===//

Value MachineLowering::toVector(ValueRange values) {
  if (values.size() == 1)
    return values[0];
  Value vector = LLVM::PoisonOp::create(builder, VectorType::get(values.size(), values[0].getType()));
  for (auto [i, value] : llvm::enumerate(values))
    vector = LLVM::InsertElementOp::create(builder, vector, value, constant(builder.getI32Type(), i));
  return vector;
}

SmallVector<Value> MachineLowering::fromVector(Value value, size_t count) {
  if (count == 1)
    return {value};
  SmallVector<Value> values;
  for (size_t i = 0; i < count; ++i)
    values.push_back(LLVM::ExtractElementOp::create(builder, value, constant(builder.getI32Type(), i)));
  return values;
}

SmallVector<Value> MachineLowering::lowerLoad() {
  size_t count = op.getNumResults();
  Type type = op.getResultTypes()[0];
  if (count > 1)
    type = VectorType::get(count, type);
  Value loaded = LLVM::LoadOp::create(builder, type, pointer(inputs[0]), accessBytes(), /*isVolatile=*/false,
                                      /*isNonTemporal=*/false, row.invariant);
  return fromVector(loaded, count);
}

SmallVector<Value> MachineLowering::lowerStore() {
  LLVM::StoreOp::create(builder, toVector(ArrayRef(inputs).drop_front()), pointer(inputs[0]), accessBytes());
  return {};
}

SmallVector<Value> MachineLowering::lowerBits() {
  size_t count = op.getNumResults();
  Type type = op.getResultTypes()[0];
  if (count > 1)
    type = VectorType::get(count, type);
  return fromVector(LLVM::BitcastOp::create(builder, type, toVector(inputs)), count);
}

SmallVector<Value> MachineLowering::lowerSharedBase() {
  auto global = module().lookupSymbol<LLVM::GlobalOp>(kSharedSymbol);
  if (!global) {
    OpBuilder atStart = OpBuilder::atBlockBegin(module().getBody());
    global = LLVM::GlobalOp::create(atStart, module().getLoc(), LLVM::LLVMArrayType::get(builder.getI8Type(), 0),
                                    /*isConstant=*/false, LLVM::Linkage::External, kSharedSymbol, Attribute(),
                                    kSharedBaseAlignment, kSharedSpace);
  }
  Value address = LLVM::AddressOfOp::create(builder, global);
  return {LLVM::PtrToIntOp::create(builder, builder.getI32Type(), address)};
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

/// The generic address of a constant that holds the text and a terminating zero.
Value MachineLowering::textAddress(std::string text) {
  text += '\0';
  LLVM::GlobalOp global;
  auto type = LLVM::LLVMArrayType::get(builder.getI8Type(), text.size());
  size_t number = 0;
  for (auto other : module().getOps<LLVM::GlobalOp>()) {
    number += other.getSymName().starts_with("kiln_text_");
    if (other.getValueOrNull() == builder.getStringAttr(text))
      global = other;
  }
  if (!global) {
    OpBuilder atStart = OpBuilder::atBlockBegin(module().getBody());
    global = LLVM::GlobalOp::create(atStart, module().getLoc(), type, /*isConstant=*/true, LLVM::Linkage::Internal,
                                    ("kiln_text_" + Twine(number)).str(), builder.getStringAttr(text),
                                    /*alignment=*/1, kGlobalSpace);
  }
  Value address = LLVM::AddressOfOp::create(builder, global);
  return LLVM::AddrSpaceCastOp::create(builder, LLVM::LLVMPointerType::get(op.getContext()), address);
}

SmallVector<Value> MachineLowering::lowerPrint() {
  auto pointerType = LLVM::LLVMPointerType::get(op.getContext());
  Value arguments = LLVM::ZeroOp::create(builder, pointerType);
  if (!inputs.empty()) {
    SmallVector<Type> types(op.getInputs().getTypes());
    auto record = LLVM::LLVMStructType::getLiteral(op.getContext(), types);
    {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToStart(&op->getParentOfType<FunctionOpInterface>().getFunctionBody().front());
      arguments = LLVM::AllocaOp::create(builder, pointerType, record, constant(builder.getI32Type(), 1), 8);
    }
    for (auto [i, input] : llvm::enumerate(inputs)) {
      Value field = LLVM::GEPOp::create(builder, pointerType, record, arguments,
                                        ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(i)});
      LLVM::StoreOp::create(builder, input, field);
    }
  }
  FailureOr<LLVM::LLVMFuncOp> function =
      LLVM::lookupOrCreateFn(builder, module(), "vprintf", {pointerType, pointerType}, builder.getI32Type());
  LLVM::CallOp::create(builder, *function, ValueRange{stringAddress("format"), arguments});
  return {};
}

/// What the host finds of a failed assert, where the runtime library has put an address into `kiln_failure_record`. It
/// declares the same layout: a state, the program and the thread, the index of the element, and a text.
namespace failure {
constexpr StringLiteral kRecord = "kiln_failure_record", kClaim = "kiln_failure_claim";
constexpr StringLiteral kRecorder = "kiln_record_failure";
constexpr unsigned kMaxRank = 8;
constexpr size_t kTextBytes = 456;
/// In words of 32 bits.
enum Field : int32_t { State, Program, Thread = Program + 3, Rank, Index, Text = Index + kMaxRank };
constexpr int64_t kDone = 1;
/// Of the claim, which is 0 before and never falls.
enum Claim : int64_t { Taken = 1, Written = 2 };
} // namespace failure

/// `void kiln_record_failure(ptr text, i64 bytes, i32 rank, i32... index)`: the first thread that calls it writes the
/// record, and the others wait for it, because the first of them to return ends the grid. Where there is no record all
/// return at once.
///
/// No fence here has the scope of the system, because a driver (580.159.04, on an H100) loses 2560 bytes of device
/// memory for each one in a kernel that is loaded and unloaded. Without one the memory model of PTX promises the host
/// no order. In its place the state is read back: over PCIe a read does not pass the writes before it.
LLVM::LLVMFuncOp MachineLowering::getRecorder() {
  using namespace failure;
  if (auto known = module().lookupSymbol<LLVM::LLVMFuncOp>(kRecorder))
    return known;
  MLIRContext *context = op.getContext();
  ImplicitLocOpBuilder b(module().getLoc(), OpBuilder::atBlockBegin(module().getBody()));
  Type i32 = b.getI32Type(), i64 = b.getI64Type();
  auto pointer = LLVM::LLVMPointerType::get(context);
  auto record = LLVM::GlobalOp::create(b, i64, /*isConstant=*/false, LLVM::Linkage::External, kRecord,
                                       b.getI64IntegerAttr(0), /*alignment=*/8, kGlobalSpace);
  auto claim = LLVM::GlobalOp::create(b, i32, /*isConstant=*/false, LLVM::Linkage::Internal, kClaim,
                                      b.getI32IntegerAttr(0), /*alignment=*/4, kGlobalSpace);
  SmallVector<Type> types = {pointer, i64, i32};
  types.append(kMaxRank, i32);
  auto function =
      LLVM::LLVMFuncOp::create(b, kRecorder, LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types));
  function.setLinkage(LLVM::Linkage::Internal);
  function.setNoInline(true);
  Block *entry = function.addEntryBlock(b), *first = b.createBlock(&function.getBody()),
        *write = b.createBlock(&function.getBody()), *wait = b.createBlock(&function.getBody()),
        *done = b.createBlock(&function.getBody());
  auto number = [&](Type type, int64_t value) -> Value {
    return LLVM::ConstantOp::create(b, type, b.getIntegerAttr(type, value));
  };

  b.setInsertionPointToStart(entry);
  Value address = LLVM::LoadOp::create(b, i64, LLVM::AddressOfOp::create(b, record), /*alignment=*/8,
                                       /*isVolatile=*/true);
  Value exists = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, address, number(i64, 0));
  LLVM::CondBrOp::create(b, exists, first, done);

  b.setInsertionPointToStart(first);
  Value before = LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::umax, LLVM::AddressOfOp::create(b, claim),
                                           number(i32, Taken), LLVM::AtomicOrdering::monotonic);
  LLVM::CondBrOp::create(b, LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, before, number(i32, 0)), write, wait);

  b.setInsertionPointToStart(write);
  Value target = LLVM::IntToPtrOp::create(b, pointer, address);
  auto field = [&](int32_t word) -> Value {
    return LLVM::GEPOp::create(b, pointer, i32, target, ArrayRef<LLVM::GEPArg>{word});
  };
  auto put = [&](int32_t word, Value value) {
    LLVM::StoreOp::create(b, value, field(word), /*alignment=*/4, /*isVolatile=*/true);
  };
  auto special = [&](StringRef name) -> Value {
    return LLVM::CallIntrinsicOp::create(b, i32, b.getStringAttr("llvm.nvvm.read.ptx.sreg." + name), ValueRange())
        .getResult(0);
  };
  const StringRef coordinates[] = {"ctaid.x", "ctaid.y", "ctaid.z"};
  for (auto [i, name] : llvm::enumerate(coordinates))
    put(Program + int32_t(i), special(name));
  put(Thread, special("tid.x"));
  put(Rank, entry->getArgument(2));
  for (unsigned i = 0; i < kMaxRank; ++i)
    put(Index + int32_t(i), entry->getArgument(3 + i));
  LLVM::MemcpyOp::create(b, field(Text), entry->getArgument(0), entry->getArgument(1), /*isVolatile=*/true);
  LLVM::FenceOp::create(b, LLVM::AtomicOrdering::acq_rel, "device");
  put(State, number(i32, kDone));
  // The claim is computed from the answer, so that the others do not go on before it is there.
  Value state = LLVM::LoadOp::create(b, i32, field(State), /*alignment=*/4, /*isVolatile=*/true);
  LLVM::StoreOp::create(b, LLVM::AddOp::create(b, state, number(i32, Written - kDone)),
                        LLVM::AddressOfOp::create(b, claim), /*alignment=*/4, /*isVolatile=*/true);
  LLVM::BrOp::create(b, done);

  b.setInsertionPointToStart(wait);
  Value now = LLVM::LoadOp::create(b, i32, LLVM::AddressOfOp::create(b, claim), /*alignment=*/4, /*isVolatile=*/true);
  LLVM::CondBrOp::create(b, LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, now, number(i32, Written)), done, wait);

  b.setInsertionPointToStart(done);
  LLVM::ReturnOp::create(b, ValueRange());
  return function;
}

SmallVector<Value> MachineLowering::lowerAssertFail() {
  auto pointerType = LLVM::LLVMPointerType::get(op.getContext());
  Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
  auto string = [&](StringRef name) { return op->getAttrOfType<StringAttr>(name).getValue(); };
  std::string text = (string("file") + ":" + Twine(op->getAttrOfType<IntegerAttr>("line").getInt()) +
                      ": error: assertion failed: " + string("message"))
                         .str()
                         .substr(0, failure::kTextBytes - 1);
  SmallVector<Value> record = {textAddress(text), constant(i64, int64_t(text.size()) + 1),
                               constant(i32, int64_t(inputs.size()))};
  for (unsigned i = 0; i < failure::kMaxRank; ++i)
    record.push_back(i < inputs.size() ? Value(inputs[i]) : constant(i32, 0));
  LLVM::CallOp::create(builder, getRecorder(), record);
  FailureOr<LLVM::LLVMFuncOp> function =
      LLVM::lookupOrCreateFn(builder, module(), "__assertfail", {pointerType, pointerType, i32, pointerType, i64},
                             LLVM::LLVMVoidType::get(op.getContext()));
  LLVM::CallOp::create(builder, *function,
                       ValueRange{stringAddress("message"), stringAddress("file"),
                                  constant(i32, op->getAttrOfType<IntegerAttr>("line").getInt()),
                                  stringAddress("function"), constant(i64, 1)});
  return {};
}

} // namespace

unsigned kiln::lowerMachineOps(ModuleOp module) {
  unsigned ptx = 0;
  SmallVector<MachineOp> ops;
  module.walk([&](MachineOp op) { ops.push_back(op); });
  for (MachineOp op : ops) {
    const MachineRow &row = *lookupMachineOp(op.getName());
    ptx = std::max(ptx, row.ptx);
    op->replaceAllUsesWith(MachineLowering(op, row).lower());
    op->erase();
  }
  return ptx;
}
