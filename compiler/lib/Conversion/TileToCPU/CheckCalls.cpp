//===- CheckCalls.cpp - Calls from generated code to the runtime ----------===//

#include "CheckCalls.h"
#include "ElementEvaluator.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile;

/// "file:line:col" of the innermost source position in `loc`.
static std::string placeText(Location loc) {
  std::string result = "unknown";
  loc->walk([&](Location inner) {
    auto file = dyn_cast<FileLineColLoc>(inner);
    if (!file)
      return WalkResult::advance();
    result = (file.getFilename().getValue() + ":" + Twine(file.getLine()) + ":" + Twine(file.getColumn())).str();
    return WalkResult::interrupt();
  });
  return result;
}

Value CheckCalls::text(OpBuilder &builder, Location loc, StringRef content) {
  std::string &symbol = globals[content];
  if (symbol.empty()) {
    symbol = ("kiln.text." + Twine(globals.size())).str();
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    std::string bytes = content.str() + '\0';
    auto type = LLVM::LLVMArrayType::get(top.getI8Type(), bytes.size());
    LLVM::GlobalOp::create(top, loc, type, /*isConstant=*/true, LLVM::Linkage::Internal, symbol,
                           top.getStringAttr(bytes));
  }
  return LLVM::AddressOfOp::create(builder, loc, LLVM::LLVMPointerType::get(builder.getContext()), symbol);
}

Value CheckCalls::place(OpBuilder &builder, Location loc) { return text(builder, loc, placeText(loc)); }

Value CheckCalls::call(OpBuilder &builder, Location loc, StringRef name, ValueRange operands, bool returnsCode) {
  SmallVector<Type> results;
  if (returnsCode)
    results.push_back(builder.getI32Type());
  if (!module.lookupSymbol(name)) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    func::FuncOp::create(top, loc, name, top.getFunctionType(operands.getTypes(), results)).setPrivate();
  }
  auto call = func::CallOp::create(builder, loc, name, results, operands);
  return returnsCode ? call.getResult(0) : Value();
}

void CheckCalls::stopUnlessZero(OpBuilder &builder, Location loc, Value code) {
  Value zero = arith::ConstantIntOp::create(builder, loc, code.getType(), 0);
  Value ok = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, code, zero);
  cf::AssertOp::create(builder, loc, ok, "trap");
}

void CheckCalls::checkAccess(OpBuilder &builder, Location loc, Value pointer, int64_t bytes, StringRef access) {
  Value size = arith::ConstantIntOp::create(builder, loc, builder.getI64Type(), bytes);
  Value name = text(builder, loc, access);
  stopUnlessZero(builder, loc, call(builder, loc, "kiln_cpu_check", {pointer, size, name, place(builder, loc)}, true));
}

/// Calls `body` for each element of `shape`.
static void forEachElement(OpBuilder &builder, Location loc, RankedTensorType shape,
                           function_ref<void(OpBuilder &, ValueRange)> body) {
  SmallVector<Value> lower, upper, step;
  for (int64_t size : shape.getShape()) {
    lower.push_back(arith::ConstantIndexOp::create(builder, loc, 0));
    upper.push_back(arith::ConstantIndexOp::create(builder, loc, size));
    step.push_back(arith::ConstantIndexOp::create(builder, loc, 1));
  }
  scf::buildLoopNest(builder, loc, lower, upper, step,
                     [&](OpBuilder &inner, Location, ValueRange indices) { body(inner, indices); });
}

LogicalResult CheckCalls::lowerAssert(AssertOp op) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto shape = dyn_cast<RankedTensorType>(op.getCondition().getType());
  std::string extents;
  if (shape)
    llvm::interleave(shape.getShape(), [&](int64_t size) { extents += std::to_string(size); }, [&] { extents += 'x'; });
  // The place of the element in row-major order: what follows knows the extents.
  auto linear = [&](OpBuilder &b, ValueRange indices) -> Value {
    Value place = arith::ConstantIntOp::create(b, loc, b.getI64Type(), 0);
    for (auto [size, index] : llvm::zip_equal(shape ? shape.getShape() : ArrayRef<int64_t>(), indices)) {
      Value extent = arith::ConstantIntOp::create(b, loc, b.getI64Type(), size);
      place = arith::AddIOp::create(b, loc, arith::MulIOp::create(b, loc, place, extent),
                                    arith::IndexCastOp::create(b, loc, b.getI64Type(), index));
    }
    return place;
  };
  auto check = [&](OpBuilder &b, Value holds, ValueRange indices) {
    Value truth = arith::ConstantIntOp::create(b, loc, b.getI1Type(), 1);
    auto branch = scf::IfOp::create(b, loc, arith::XOrIOp::create(b, loc, holds, truth), /*withElseRegion=*/false);
    OpBuilder failed = branch.getThenBodyBuilder();
    stopUnlessZero(failed, loc,
                   call(failed, loc, "kiln_cpu_assert_failed",
                        {text(failed, loc, op.getMessage()), place(failed, loc), linear(failed, indices),
                         text(failed, loc, extents)},
                        true));
  };
  if (shape) {
    forEachElement(builder, loc, shape, [&](OpBuilder &b, ValueRange indices) {
      check(b, ElementEvaluator(b, loc).element(op.getCondition(), indices), indices);
    });
  } else {
    check(builder, op.getCondition(), {});
  }
  op.erase();
  return success();
}

LogicalResult CheckCalls::lowerPrint(PrintOp op) {
  enum Kind { Integer = 0, Float = 1, Pointer = 2, Double = 3 };
  OpBuilder builder(op);
  Location loc = op.getLoc();
  Type i64 = builder.getI64Type(), f64 = builder.getF64Type();
  Type pointerType = LLVM::LLVMPointerType::get(builder.getContext());
  auto emit = [&](Kind kind, Value data, int64_t count, StringRef type) {
    call(builder, loc, "kiln_cpu_print",
         {text(builder, loc, op.getPrefix()), arith::ConstantIntOp::create(builder, loc, builder.getI32Type(), kind),
          data, arith::ConstantIntOp::create(builder, loc, i64, count), text(builder, loc, type)},
         false);
  };
  if (op.getValues().empty())
    emit(Integer, LLVM::ZeroOp::create(builder, loc, pointerType), 0, "");
  for (auto [index, value] : llvm::enumerate(op.getValues())) {
    auto shape = dyn_cast<RankedTensorType>(value.getType());
    Type element = getElementOrSelf(value.getType());
    bool isFloat = isa<FloatType>(element);
    Kind kind = isa<PtrType>(element) ? Pointer : element == f64 ? Double : isFloat ? Float : Integer;
    if (shape && kind == Pointer)
      return op.emitOpError("cannot print a tile of pointers; print the offsets instead");
    int64_t count = shape ? shape.getNumElements() : 1;
    auto bufferType = MemRefType::get(shape ? shape.getShape() : ArrayRef<int64_t>{1}, isFloat ? f64 : i64);
    Value buffer = memref::AllocOp::create(builder, loc, bufferType);
    auto widen = [&](OpBuilder &b, Value scalar) -> Value {
      if (kind == Pointer) {
        Value raw = UnrealizedConversionCastOp::create(b, loc, pointerType, scalar).getResult(0);
        return LLVM::PtrToIntOp::create(b, loc, i64, raw);
      }
      if (isFloat)
        return element == f64 ? scalar : arith::ExtFOp::create(b, loc, f64, scalar).getResult();
      if (element == i64)
        return scalar;
      if (element.isInteger(1))
        return arith::ExtUIOp::create(b, loc, i64, scalar);
      return arith::ExtSIOp::create(b, loc, i64, scalar);
    };
    if (shape) {
      forEachElement(builder, loc, shape, [&](OpBuilder &b, ValueRange indices) {
        memref::StoreOp::create(b, loc, widen(b, ElementEvaluator(b, loc).element(value, indices)), buffer, indices);
      });
    } else {
      Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
      memref::StoreOp::create(builder, loc, widen(builder, value), buffer, ValueRange{zero});
    }
    Value address = memref::ExtractAlignedPointerAsIndexOp::create(builder, loc, buffer);
    Value integer = arith::IndexCastOp::create(builder, loc, i64, address);
    Value raw = LLVM::IntToPtrOp::create(builder, loc, pointerType, integer);
    emit(kind, raw, count, op.getPrintedType(index));
  }
  op.erase();
  return success();
}
