//===- Emitter.h - Building elementwise arithmetic --------------*- C++ -*-===//
//
// Short names for the operations that expansions are made of.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LIB_DIALECT_TILE_TRANSFORMS_EMITTER_H
#define KILN_LIB_DIALECT_TILE_TRANSFORMS_EMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include <limits>

namespace kiln::tile {

/// Builds operations, of f32 and i32 unless said otherwise, in the shape of `like`: a scalar's, a vector's or a
/// tensor's.
class Emitter {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;

  Emitter(mlir::OpBuilder &builder, mlir::Location loc, Type like)
      : builder(builder), loc(loc), shape(mlir::dyn_cast<mlir::ShapedType>(like)), f32(shaped(builder.getF32Type())),
        i32(shaped(builder.getI32Type())) {}

  /// `element` in the shape of this emitter.
  Type shaped(Type element) { return shape ? Type(shape.clone(element)) : element; }
  template <typename Op>
  Value convert(Type element, Value a) {
    return Op::create(builder, loc, shaped(element), a);
  }
  Value splat(mlir::TypedAttr value) {
    if (shape)
      value =
          mlir::DenseElementsAttr::get(mlir::cast<mlir::ShapedType>(shaped(value.getType())), mlir::Attribute(value));
    return mlir::arith::ConstantOp::create(builder, loc, value);
  }

  Value constant(float value) { return splat(builder.getF32FloatAttr(value)); }
  Value constant(int32_t value) { return splat(builder.getI32IntegerAttr(value)); }

  Value add(Value a, Value b) { return mlir::arith::AddFOp::create(builder, loc, a, b); }
  Value sub(Value a, Value b) { return mlir::arith::SubFOp::create(builder, loc, a, b); }
  Value mul(Value a, Value b) { return mlir::arith::MulFOp::create(builder, loc, a, b); }
  Value div(Value a, Value b) { return mlir::arith::DivFOp::create(builder, loc, a, b); }
  Value add(Value a, float b) { return add(a, constant(b)); }
  Value mul(Value a, float b) { return mul(a, constant(b)); }
  Value abs(Value a) { return mlir::math::AbsFOp::create(builder, loc, a); }
  Value fma(Value a, Value b, Value c) { return mlir::math::FmaOp::create(builder, loc, a, b, c); }
  Value fma(Value a, float b, Value c) { return fma(a, constant(b), c); }

  Value addi(Value a, Value b) { return mlir::arith::AddIOp::create(builder, loc, a, b); }
  Value subi(Value a, Value b) { return mlir::arith::SubIOp::create(builder, loc, a, b); }
  Value andi(Value a, Value b) { return mlir::arith::AndIOp::create(builder, loc, a, b); }
  Value ori(Value a, Value b) { return mlir::arith::OrIOp::create(builder, loc, a, b); }
  Value xori(Value a, Value b) { return mlir::arith::XOrIOp::create(builder, loc, a, b); }
  Value addi(Value a, int32_t b) { return addi(a, constant(b)); }
  Value andi(Value a, int32_t b) { return andi(a, constant(b)); }
  Value shiftLeft(Value a, int32_t b) { return mlir::arith::ShLIOp::create(builder, loc, a, constant(b)); }
  Value shiftRight(Value a, int32_t b) { return mlir::arith::ShRSIOp::create(builder, loc, a, constant(b)); }
  Value maxSigned(Value a, int32_t b) { return mlir::arith::MaxSIOp::create(builder, loc, a, constant(b)); }
  Value minUnsigned(Value a, int32_t b) { return mlir::arith::MinUIOp::create(builder, loc, a, constant(b)); }

  Value bits(Value a) { return mlir::arith::BitcastOp::create(builder, loc, i32, a); }
  Value fromBits(Value a) { return mlir::arith::BitcastOp::create(builder, loc, f32, a); }

  Value compare(mlir::arith::CmpFPredicate predicate, Value a, Value b) {
    return mlir::arith::CmpFOp::create(builder, loc, predicate, a, b);
  }
  Value compare(mlir::arith::CmpIPredicate predicate, Value a, Value b) {
    return mlir::arith::CmpIOp::create(builder, loc, predicate, a, b);
  }
  Value less(Value a, float b) { return compare(mlir::arith::CmpFPredicate::OLT, a, constant(b)); }
  Value greater(Value a, float b) { return compare(mlir::arith::CmpFPredicate::OGT, a, constant(b)); }
  Value equal(Value a, float b) { return compare(mlir::arith::CmpFPredicate::OEQ, a, constant(b)); }
  Value equal(Value a, int32_t b) { return compare(mlir::arith::CmpIPredicate::eq, a, constant(b)); }
  Value select(Value condition, Value a, Value b) {
    return mlir::arith::SelectOp::create(builder, loc, condition, a, b);
  }

protected:
  mlir::OpBuilder &builder;
  mlir::Location loc;

private:
  mlir::ShapedType shape;

public:
  const Type f32, i32;
};

} // namespace kiln::tile

#endif // KILN_LIB_DIALECT_TILE_TRANSFORMS_EMITTER_H
