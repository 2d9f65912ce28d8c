// Choosing and mathematics, elementwise.
#include "tracer.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace kiln;
using namespace kiln::detail;
using mlir::Value;
namespace arith = mlir::arith;
namespace math = mlir::math;

namespace {

std::string quoted(const char *op) { return "'" + std::string(op) + "'"; }

Value take_float(Tracer &t, const char *op, const Operand &x, const Loc &loc) {
  Value value = take(t, op, x);
  check_arithmetic(t, op, value, loc);
  if (!is_float(info(value).dtype))
    t.fail(loc, quoted(op) + " takes floating-point values, got " + text(value) + "; convert with .to()");
  return value;
}

bool is_narrow(Value value) { return info(value).dtype == f16 || info(value).dtype == bf16; }

/// Computes in f32 what f16 and bf16 have no function for, and rounds the result.
template <class Emit>
Tile in_f32(Tracer &t, Value x, const Loc &loc, Emit emit) {
  mlir::Location where = t.location(loc);
  if (!is_narrow(x))
    return Tracer::make(emit(x, where));
  return Tracer::make(convert(t, emit(convert(t, x, f32, where), where), info(x).dtype, where));
}

arith::FastMathFlags flags(Accuracy accuracy) {
  return accuracy == Accuracy::fast ? arith::FastMathFlags::afn : arith::FastMathFlags::none;
}

template <class Op, class... Arguments>
Tile unary(const char *op, const Operand &x, const Loc &loc, Arguments... arguments) {
  Tracer &t = Tracer::current(loc);
  return in_f32(t, take_float(t, op, x, loc), loc,
                [&](Value value, mlir::Location where) { return t.make_op<Op>(where, value, arguments...); });
}

Tile binary_extremum(const char *op, bool largest, const Operand &a, const Operand &b, NanOptions options,
                     const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  const Operand *operands[] = {&a, &b};
  Value values[2];
  unify(t, op, loc, operands, values, 2);
  check_ordered(t, op, values[0], loc);
  return Tracer::make(extremum(t, largest, options.nan, values[0], values[1], t.location(loc)));
}

} // namespace

Value detail::extremum(Tracer &t, bool largest, Nan nan, Value a, Value b, mlir::Location loc) {
  if (!is_float(info(a).dtype))
    return largest ? t.make_op<arith::MaxSIOp>(loc, a, b) : t.make_op<arith::MinSIOp>(loc, a, b);
  if (nan == Nan::ignore)
    return largest ? t.make_op<arith::MaxNumFOp>(loc, a, b) : t.make_op<arith::MinNumFOp>(loc, a, b);
  return largest ? t.make_op<arith::MaximumFOp>(loc, a, b) : t.make_op<arith::MinimumFOp>(loc, a, b);
}

void detail::check_ordered(Tracer &t, const char *op, Value value, const Loc &loc) {
  check_arithmetic(t, op, value, loc);
  if (info(value).dtype == i1)
    t.fail(loc, quoted(op) + " is not defined on i1: use |, &, kiln::any and kiln::all");
}

namespace kiln {

Tile where(const Operand &condition, const Operand &a, const Operand &b, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value chosen = take(t, "where", condition);
  if (info(chosen).pointer || info(chosen).dtype != i1)
    t.fail(loc, "'where': the condition is i1, got " + text(chosen));
  Value values[2];
  const Operand *operands[] = {&a, &b};
  // Pointers can be chosen too, between two of one type.
  if (a.tile() && b.tile() && info(t.read(*a.tile(), a.loc())).pointer && info(t.read(*b.tile(), b.loc())).pointer) {
    for (int i = 0; i < 2; ++i)
      values[i] = take(t, "where", *operands[i]);
    if (info(values[0]).dtype != info(values[1]).dtype)
      t.fail(loc, "'where': " + text(values[0]) + " and " + text(values[1]) + " have different element types");
  } else {
    unify_types(t, "where", loc, operands, values, 2);
  }
  Shape shape = info(chosen).shape;
  for (Value value : values) {
    std::optional<Shape> both = broadcast_shapes(shape, info(value).shape);
    if (!both)
      t.fail(loc,
             "'where': shapes of " + text(chosen) + ", " + text(values[0]) + " and " + text(values[1]) + do_not_match);
    shape = *both;
  }
  mlir::Location where = t.location(loc);
  for (int i = 0; i < 2; ++i)
    values[i] = operands[i]->tile() ? broadcast(t, values[i], shape, where)
                                    : number(t, "where", *operands[i], info(values[i]).dtype, shape);
  return Tracer::make(t.make_op<arith::SelectOp>(where, broadcast(t, chosen, shape, where), values[0], values[1]));
}

Tile maximum(const Operand &a, const Operand &b, NanOptions options, Loc loc) {
  return binary_extremum("maximum", true, a, b, options, loc);
}
Tile minimum(const Operand &a, const Operand &b, NanOptions options, Loc loc) {
  return binary_extremum("minimum", false, a, b, options, loc);
}
Tile clamp(const Operand &x, const Operand &lo, const Operand &hi, Loc loc) {
  Tracer &t = Tracer::current(loc);
  const Operand *operands[] = {&x, &lo, &hi};
  Value values[3];
  unify(t, "clamp", loc, operands, values, 3);
  check_ordered(t, "clamp", values[0], loc);
  mlir::Location where = t.location(loc);
  Value raised = extremum(t, true, Nan::propagate, values[0], values[1], where);
  return Tracer::make(extremum(t, false, Nan::propagate, raised, values[2], where));
}

Tile exp(const Operand &x, ExpOptions options, Loc loc) {
  return unary<math::ExpOp>("exp", x, loc, flags(options.accuracy));
}
Tile exp2(const Operand &x, ExpOptions options, Loc loc) {
  return unary<math::Exp2Op>("exp2", x, loc, flags(options.accuracy));
}
Tile log(const Operand &x, Loc loc) { return unary<math::LogOp>("log", x, loc); }
Tile log2(const Operand &x, Loc loc) { return unary<math::Log2Op>("log2", x, loc); }
Tile sin(const Operand &x, Loc loc) { return unary<math::SinOp>("sin", x, loc); }
Tile cos(const Operand &x, Loc loc) { return unary<math::CosOp>("cos", x, loc); }
Tile tanh(const Operand &x, Loc loc) { return unary<math::TanhOp>("tanh", x, loc); }
Tile erf(const Operand &x, Loc loc) { return unary<math::ErfOp>("erf", x, loc); }
Tile sqrt(const Operand &x, Loc loc) { return unary<math::SqrtOp>("sqrt", x, loc); }
Tile rsqrt(const Operand &x, Loc loc) { return unary<math::RsqrtOp>("rsqrt", x, loc); }
Tile floor(const Operand &x, Loc loc) { return unary<math::FloorOp>("floor", x, loc); }
Tile ceil(const Operand &x, Loc loc) { return unary<math::CeilOp>("ceil", x, loc); }
Tile round(const Operand &x, Loc loc) { return unary<math::RoundEvenOp>("round", x, loc); }
Tile trunc(const Operand &x, Loc loc) { return unary<math::TruncOp>("trunc", x, loc); }

Tile sigmoid(const Operand &x, Loc loc) {
  Tracer &t = Tracer::current(loc);
  return in_f32(t, take_float(t, "sigmoid", x, loc), loc, [&](Value value, mlir::Location where) {
    Value one = t.float_constant(1, value.getType(), where);
    Value e = t.make_op<math::ExpOp>(where, t.make_op<arith::NegFOp>(where, value));
    return t.make_op<arith::DivFOp>(where, one, t.make_op<arith::AddFOp>(where, one, e));
  });
}

Tile abs(const Operand &x, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take(t, "abs", x);
  check_arithmetic(t, "abs", value, loc);
  if (info(value).dtype == i1)
    t.fail(loc, "'abs' is not defined on i1");
  mlir::Location where = t.location(loc);
  return Tracer::make(is_float(info(value).dtype) ? t.make_op<math::AbsFOp>(where, value)
                                                  : t.make_op<math::AbsIOp>(where, value));
}

Tile fma(const Operand &a, const Operand &b, const Operand &c, Loc loc) {
  Tracer &t = Tracer::current(loc);
  const Operand *operands[] = {&a, &b, &c};
  Value values[3];
  unify(t, "fma", loc, operands, values, 3);
  check_arithmetic(t, "fma", values[0], loc);
  if (!is_float(info(values[0]).dtype))
    t.fail(loc, "'fma' takes floating-point values, got " + text(values[0]));
  return in_f32(t, values[0], loc, [&](Value x, mlir::Location where) {
    const DType dtype = info(x).dtype; // f32 where the operands are narrower
    return t.make_op<math::FmaOp>(where, x, convert(t, values[1], dtype, where), convert(t, values[2], dtype, where));
  });
}

} // namespace kiln
