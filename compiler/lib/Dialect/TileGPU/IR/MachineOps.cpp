//===- MachineOps.cpp - tile_gpu.machine against its table ----------------===//

#include "kiln/Dialect/TileGPU/IR/MachineOps.h"

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"

using namespace mlir;
using namespace kiln::tile_gpu;

Type kiln::tile_gpu::getType(MachineType type, MLIRContext *context) {
  switch (type) {
  case MachineType::I1:
    return IntegerType::get(context, 1);
  case MachineType::I8:
    return IntegerType::get(context, 8);
  case MachineType::I16:
    return IntegerType::get(context, 16);
  case MachineType::I32:
    return IntegerType::get(context, 32);
  case MachineType::I64:
    return IntegerType::get(context, 64);
  case MachineType::F16:
    return Float16Type::get(context);
  case MachineType::BF16:
    return BFloat16Type::get(context);
  case MachineType::F32:
    return Float32Type::get(context);
  case MachineType::F64:
    return Float64Type::get(context);
  }
  llvm_unreachable("all types are handled");
}

static SmallVector<Type> getTypes(ArrayRef<MachineType> types, MLIRContext *context) {
  return llvm::map_to_vector(types, [&](MachineType type) { return getType(type, context); });
}

ValueRange kiln::tile_gpu::createMachineOp(OpBuilder &builder, Location loc, StringRef name, ValueRange operands,
                                           ArrayRef<NamedAttribute> attributes) {
  const MachineRow *row = lookupMachineOp(name);
  assert(row && "no machine operation has this name");
  auto op = MachineOp::create(builder, loc, getTypes(row->results, builder.getContext()), name, operands);
  for (NamedAttribute attribute : attributes)
    op->setAttr(attribute.getName(), attribute.getValue());
  return op.getResults();
}

//===----------------------------------------------------------------------===//
// The operation
//===----------------------------------------------------------------------===//

static std::string printed(TypeRange types) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << '(';
  llvm::interleaveComma(types, stream);
  stream << ')';
  return text;
}

/// The attributes that a row with text needs.
static LogicalResult verifyAttributes(MachineOp op, MachineForm form) {
  auto needsString = [&](StringRef name) -> LogicalResult {
    if (!op->getAttrOfType<StringAttr>(name))
      return op.emitOpError() << "'" << op.getName() << "' needs the string attribute '" << name << "'";
    return success();
  };
  if (form == MachineForm::Print)
    return needsString("format");
  if (form == MachineForm::Check)
    return needsString("exchange");
  for (StringRef name : {"message", "file", "function"})
    if (failed(needsString(name)))
      return failure();
  if (!op->getAttrOfType<IntegerAttr>("line"))
    return op.emitOpError() << "'" << op.getName() << "' needs the integer attribute 'line'";
  return success();
}

LogicalResult MachineOp::verify() {
  const MachineRow *row = lookupMachineOp(getName());
  if (!row)
    return emitOpError() << "names '" << getName() << "', which is no machine operation";
  if (row->form == MachineForm::Print) {
    for (Type type : getInputs().getTypes())
      if (!type.isInteger(32) && !type.isInteger(64) && !type.isF64())
        return emitOpError() << "'" << getName() << "' prints i32, i64 and f64, but has an operand of type " << type;
  } else if (row->form == MachineForm::Check) {
    for (auto [i, type] : llvm::enumerate(getInputs().getTypes()))
      if (!type.isInteger(i % 2 ? 64 : 32) || getInputs().size() % 2)
        return emitOpError() << "'" << getName() << "' takes pairs of i32 and i64, but is given "
                             << printed(getInputs().getTypes());
  } else if (row->form == MachineForm::AssertFail) {
    for (Type type : getInputs().getTypes())
      if (!type.isInteger(32))
        return emitOpError() << "'" << getName() << "' takes the i32 index of an element, but has an operand of type "
                             << type;
  } else if (SmallVector<Type> types = getTypes(row->operands, getContext()); getInputs().getTypes() != types) {
    return emitOpError() << "'" << getName() << "' takes " << printed(types) << ", but is given "
                         << printed(getInputs().getTypes());
  }
  if (SmallVector<Type> types = getTypes(row->results, getContext()); getOutputs().getTypes() != types)
    return emitOpError() << "'" << getName() << "' yields " << printed(types) << ", not "
                         << printed(getOutputs().getTypes());
  if (row->form == MachineForm::Check || row->form == MachineForm::Print || row->form == MachineForm::AssertFail)
    return verifyAttributes(*this, row->form);
  return success();
}

void MachineOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  const MachineRow *row = lookupMachineOp(getName());
  MachineEffect effect = row ? row->effect : MachineEffect::Sync;
  if (effect != MachineEffect::None && effect != MachineEffect::Write)
    effects.emplace_back(MemoryEffects::Read::get());
  if (effect != MachineEffect::None && effect != MachineEffect::Read)
    effects.emplace_back(MemoryEffects::Write::get());
}

//===----------------------------------------------------------------------===//
// The page of the reference
//===----------------------------------------------------------------------===//

static StringRef describe(const MachineRow &row) {
  bool global = row.space == MachineSpace::Global, shared = row.space == MachineSpace::Shared;
  switch (row.effect) {
  case MachineEffect::None:
    return row.convergent ? "exchanges" : "";
  case MachineEffect::Read:
    return row.invariant ? "reads constant" : global ? "reads global" : shared ? "reads shared" : "reads";
  case MachineEffect::Write:
    return global ? "writes global" : shared ? "writes shared" : "writes";
  case MachineEffect::ReadWrite:
    return global ? "updates global" : shared ? "updates shared" : "reads, writes";
  case MachineEffect::Sync:
    return "orders";
  }
  llvm_unreachable("all effects are handled");
}

static StringRef describe(MachineForm form) {
  switch (form) {
  case MachineForm::Intrinsic:
  case MachineForm::Assembly:
    return "";
  case MachineForm::Load:
    return "LLVM load";
  case MachineForm::Store:
    return "LLVM store";
  case MachineForm::Bits:
    return "LLVM bitcast";
  case MachineForm::SharedBase:
    return "address of the dynamic shared memory";
  case MachineForm::Check:
    return "nothing; the emulator compares";
  case MachineForm::Print:
    return "call of vprintf";
  case MachineForm::AssertFail:
    return "call of __assertfail";
  }
  llvm_unreachable("all forms are handled");
}

void kiln::tile_gpu::printMachineRows(raw_ostream &os) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  os << "# Machine operations\n\n"
        "What `tile_gpu.machine` can name. The operation is one thread's. Addresses of global memory are i64, of "
        "shared memory i32; a row "
        "whose name ends in `.pred` has an i1 as second operand, and touches no memory where that is 0. *Exchanges*: "
        "the threads of a warp "
        "execute it together. *Orders*: no access moves across it. Without an entry under *from*, every target has "
        "it.\n\n"
        "| operation | operands | results | memory | from | becomes |\n|---|---|---|---|---|---|\n";
  for (const MachineRow &row : machineRows()) {
    os << "| `" << row.name << "` | ";
    if (row.form == MachineForm::Print)
      os << "any, attribute `format`";
    else if (row.form == MachineForm::Check)
      os << "pairs of i32 and i64, attribute `exchange`";
    else if (row.form == MachineForm::AssertFail)
      os << "the index of an element, attributes `message`, `file`, `line`, `function`";
    llvm::interleaveComma(getTypes(row.operands, &context), os);
    os << " | ";
    llvm::interleaveComma(getTypes(row.results, &context), os);
    os << " | " << describe(row) << " | ";
    if (row.capability > 80)
      os << "sm_" << row.capability;
    os << " | ";
    if (row.text.empty())
      os << describe(row.form);
    else
      os << '`' << row.text << '`';
    os << " |\n";
  }
}
