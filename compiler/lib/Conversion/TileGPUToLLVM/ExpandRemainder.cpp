//===- ExpandRemainder.cpp - An exact fmod --------------------------------===//
//
// x - trunc(x / y) * y with a rounded quotient, which is what the backend makes of a remainder, is wrong wherever the
// quotient has more bits than the type. Here the significands are divided as integers, as many bits at a time as fit
// into 64 bits beside the remainder. The result is always a number of the type, so nothing is rounded.
//
//===----------------------------------------------------------------------===//

#include "Steps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace {

class RemainderEmitter {
public:
  /// `type` is f32 or f64. The function ends up at the end of `module`.
  RemainderEmitter(ModuleOp module, FloatType type, StringRef name)
      : builder(module.getLoc(), OpBuilder::atBlockEnd(module.getBody())), type(type),
        mantissaBits(type.isF32() ? 23 : 52) {
    function = func::FuncOp::create(builder, name, builder.getFunctionType({type, type}, {type}));
    function.setPrivate();
    function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(module.getContext(), LLVM::Linkage::Internal));
    emit();
  }
  func::FuncOp getFunction() { return function; }

private:
  Value constant(uint64_t value) { return arith::ConstantOp::create(builder, builder.getI64IntegerAttr(value)); }
  template <typename Op>
  Value create(Value a, Value b) {
    return Op::create(builder, a, b);
  }
  Value select(Value condition, Value a, Value b) { return arith::SelectOp::create(builder, condition, a, b); }
  Value compare(arith::CmpIPredicate predicate, Value a, Value b) {
    return arith::CmpIOp::create(builder, predicate, a, b);
  }

  /// The bits of a float, widened to 64.
  Value bits(Value x) {
    Value narrow = arith::BitcastOp::create(builder, builder.getIntegerType(type.getWidth()), x);
    return type.isF32() ? Value(arith::ExtUIOp::create(builder, builder.getI64Type(), narrow)) : narrow;
  }
  Value fromBits(Value x) {
    if (type.isF32())
      x = arith::TruncIOp::create(builder, builder.getI32Type(), x);
    return arith::BitcastOp::create(builder, type, x);
  }

  /// `magnitude` as an integer significand times a power of two: the significand, and the exponent field of a number
  /// with that unit (1 for subnormals).
  std::pair<Value, Value> split(Value magnitude) {
    Value exponent = create<arith::ShRUIOp>(magnitude, constant(mantissaBits));
    Value mantissa = create<arith::AndIOp>(magnitude, constant((uint64_t(1) << mantissaBits) - 1));
    Value subnormal = compare(arith::CmpIPredicate::eq, exponent, constant(0));
    Value implicit = create<arith::OrIOp>(mantissa, constant(uint64_t(1) << mantissaBits));
    return {select(subnormal, mantissa, implicit), select(subnormal, constant(1), exponent)};
  }

  void emit();

  ImplicitLocOpBuilder builder;
  FloatType type;
  int64_t mantissaBits;
  func::FuncOp function;
};

void RemainderEmitter::emit() {
  using arith::CmpIPredicate;
  Block *entry = function.addEntryBlock();
  Type i64 = builder.getI64Type();
  Location loc = builder.getLoc();
  Block *header = builder.createBlock(&function.getBody(), function.end(), {i64, i64}, {loc, loc});
  Block *body = builder.createBlock(&function.getBody(), function.end());
  Block *exit = builder.createBlock(&function.getBody(), function.end());

  builder.setInsertionPointToEnd(entry);
  Value x = function.getArgument(0);
  Value signBit = constant(uint64_t(1) << (type.getWidth() - 1));
  Value infinity = constant(type.isF32() ? 0x7f800000 : 0x7ff0000000000000);
  Value sign = create<arith::AndIOp>(bits(x), signBit);
  Value magnitudeX = create<arith::XOrIOp>(bits(x), sign);
  Value bitsY = bits(function.getArgument(1));
  Value magnitudeY = create<arith::AndIOp>(bitsY, create<arith::SubIOp>(signBit, constant(1)));
  auto [significandX, exponentX] = split(magnitudeX);
  auto [significandY, exponentY] = split(magnitudeY);
  Value divisor = create<arith::MaxUIOp>(significandY, constant(1)); // y = 0 is answered in the end
  Value distance = create<arith::SubIOp>(exponentX, exponentY);
  cf::BranchOp::create(builder, header, ValueRange{distance, create<arith::RemUIOp>(significandX, divisor)});

  // remainder = remainder * 2^distance mod divisor, a step at a time.
  builder.setInsertionPointToEnd(header);
  Value left = header->getArgument(0), remainder = header->getArgument(1);
  cf::CondBranchOp::create(builder, compare(CmpIPredicate::sgt, left, constant(0)), body, ValueRange(), exit,
                           ValueRange());
  builder.setInsertionPointToEnd(body);
  Value step = create<arith::MinSIOp>(left, constant(63 - mantissaBits));
  Value next = create<arith::RemUIOp>(create<arith::ShLIOp>(remainder, step), divisor);
  cf::BranchOp::create(builder, header, ValueRange{create<arith::SubIOp>(left, step), next});

  // Shift the remainder up to the place of the implicit bit, or as far as the exponent allows.
  builder.setInsertionPointToEnd(exit);
  Value zeros = math::CountLeadingZerosOp::create(builder, remainder);
  Value shift = create<arith::MinSIOp>(create<arith::SubIOp>(zeros, constant(63 - mantissaBits)),
                                       create<arith::SubIOp>(exponentY, constant(1)));
  Value exponent = create<arith::SubIOp>(create<arith::SubIOp>(exponentY, shift), constant(1));
  Value result = create<arith::AddIOp>(create<arith::ShLIOp>(remainder, shift),
                                       create<arith::ShLIOp>(exponent, constant(mantissaBits)));
  result = select(compare(CmpIPredicate::eq, remainder, constant(0)), constant(0), result);
  result = select(compare(CmpIPredicate::ult, magnitudeX, magnitudeY), magnitudeX, result);
  result = create<arith::OrIOp>(result, sign);
  Value invalid = create<arith::OrIOp>(create<arith::OrIOp>(compare(CmpIPredicate::eq, magnitudeY, constant(0)),
                                                            compare(CmpIPredicate::uge, magnitudeX, infinity)),
                                       compare(CmpIPredicate::ugt, magnitudeY, infinity));
  Value nan = create<arith::OrIOp>(infinity, constant(uint64_t(1) << (mantissaBits - 1)));
  func::ReturnOp::create(builder, fromBits(select(invalid, nan, result)));
}

} // namespace

void kiln::expandRemainders(ModuleOp module) {
  SmallVector<arith::RemFOp> remainders;
  module.walk([&](arith::RemFOp op) { remainders.push_back(op); });
  for (arith::RemFOp op : remainders) {
    OpBuilder builder(op);
    // A narrow type is a subset of f32, and so are its remainders.
    Type wide = op.getType().isF64() ? builder.getF64Type() : builder.getF32Type();
    StringRef name = wide.isF64() ? "kiln_fmod_f64" : "kiln_fmod_f32";
    auto function = module.lookupSymbol<func::FuncOp>(name);
    if (!function)
      function = RemainderEmitter(module, cast<FloatType>(wide), name).getFunction();
    auto widen = [&](Value x) {
      return x.getType() == wide ? x : Value(arith::ExtFOp::create(builder, op.getLoc(), wide, x));
    };
    Value result =
        func::CallOp::create(builder, op.getLoc(), function, ValueRange{widen(op.getLhs()), widen(op.getRhs())})
            .getResult(0);
    if (result.getType() != op.getType())
      result = arith::TruncFOp::create(builder, op.getLoc(), op.getType(), result);
    op.replaceAllUsesWith(result);
    op.erase();
  }
}
