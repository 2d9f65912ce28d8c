// The operators and conversions. The `arith` dialect leaves some operands without a result: division by zero, shifts by
// the width or more, conversions out of range. What is emitted here gives the result of docs/semantics.md for all
// operands; the guards are left out where a constant shows that they are not needed.
#include "tracer.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

#include <cmath>
#include <optional>

using namespace kiln;
using namespace kiln::detail;
using mlir::Value;
namespace arith = mlir::arith;

namespace {

std::string quoted(const char *op) { return "'" + std::string(op) + "'"; }

int width(Value value) { return tile::getElementOrSelf(value.getType()).getIntOrFloatBitWidth(); }

/// The one integer that all elements of a constant equal.
std::optional<std::int64_t> splat_integer(Value value) {
  mlir::Attribute attr;
  if (!mlir::matchPattern(value, mlir::m_Constant(&attr)))
    return std::nullopt;
  if (auto integer = llvm::dyn_cast<mlir::IntegerAttr>(attr))
    return integer.getValue().getSExtValue();
  if (auto elements = llvm::dyn_cast<mlir::DenseIntElementsAttr>(attr); elements && elements.isSplat())
    return elements.getSplatValue<llvm::APInt>().getSExtValue();
  return std::nullopt;
}

Value compare(Tracer &t, mlir::Location loc, arith::CmpIPredicate predicate, Value a, Value b) {
  return t.make_op<arith::CmpIOp>(loc, predicate, a, b);
}
Value compare(Tracer &t, mlir::Location loc, arith::CmpFPredicate predicate, Value a, Value b) {
  return t.make_op<arith::CmpFOp>(loc, predicate, a, b);
}
Value select(Tracer &t, mlir::Location loc, Value condition, Value a, Value b) {
  return t.make_op<arith::SelectOp>(loc, condition, a, b);
}
std::int64_t min_integer(int bits) { return bits == 64 ? INT64_MIN : -(std::int64_t(1) << (bits - 1)); }
std::int64_t max_integer(int bits) { return bits == 64 ? INT64_MAX : (std::int64_t(1) << (bits - 1)) - 1; }

/// A divisor that arith accepts: 1 where b is 0, or where the quotient overflows. (Then x / 1 and x % 1 are right for
/// the latter.)
struct SafeDivisor {
  Value divisor, is_zero;
};
SafeDivisor safe_divisor(Tracer &t, Value a, Value b, mlir::Location loc) {
  mlir::Type type = a.getType();
  Value is_zero = compare(t, loc, arith::CmpIPredicate::eq, b, t.integer_constant(0, type, loc));
  Value is_least = compare(t, loc, arith::CmpIPredicate::eq, a, t.integer_constant(min_integer(width(a)), type, loc));
  Value is_minus_one = compare(t, loc, arith::CmpIPredicate::eq, b, t.integer_constant(-1, type, loc));
  Value overflows = t.make_op<arith::AndIOp>(loc, is_least, is_minus_one);
  Value unsafe = t.make_op<arith::OrIOp>(loc, is_zero, overflows);
  return {select(t, loc, unsafe, t.integer_constant(1, type, loc), b), is_zero};
}

} // namespace

// ---- values
// ---------------------------------------------------------------------------------------------------------------

Value detail::divide(Tracer &t, Value a, Value b, mlir::Location loc) {
  if (is_float(info(a).dtype))
    return t.make_op<arith::DivFOp>(loc, a, b);
  Value zero = t.integer_constant(0, a.getType(), loc);
  if (std::optional<std::int64_t> divisor = splat_integer(b)) {
    if (*divisor == 0)
      return zero;
    return *divisor == -1 ? t.make_op<arith::SubIOp>(loc, zero, a) : t.make_op<arith::DivSIOp>(loc, a, b);
  }
  SafeDivisor safe = safe_divisor(t, a, b, loc);
  return select(t, loc, safe.is_zero, zero, t.make_op<arith::DivSIOp>(loc, a, safe.divisor));
}

Value detail::remainder(Tracer &t, Value a, Value b, mlir::Location loc) {
  if (is_float(info(a).dtype))
    return t.make_op<arith::RemFOp>(loc, a, b);
  if (std::optional<std::int64_t> divisor = splat_integer(b)) {
    if (*divisor == 0)
      return a;
    return *divisor == -1 ? t.integer_constant(0, a.getType(), loc) : t.make_op<arith::RemSIOp>(loc, a, b);
  }
  SafeDivisor safe = safe_divisor(t, a, b, loc);
  return select(t, loc, safe.is_zero, a, t.make_op<arith::RemSIOp>(loc, a, safe.divisor));
}

namespace {

enum class Shift { left, right, right_logical };

Value shift(Tracer &t, Shift kind, Value a, Value b, mlir::Location loc) {
  const int bits = width(a);
  Value last = t.integer_constant(bits - 1, a.getType(), loc), zero = t.integer_constant(0, a.getType(), loc);
  std::optional<std::int64_t> amount = splat_integer(b);
  const bool in_range = amount && *amount >= 0 && *amount < bits;
  if (amount && !in_range)
    return kind == Shift::right ? t.make_op<arith::ShRSIOp>(loc, a, last) : zero;
  // As an unsigned number a negative amount is larger than any width.
  Value safe = in_range ? b : t.make_op<arith::MinUIOp>(loc, b, last);
  Value shifted = kind == Shift::left    ? t.make_op<arith::ShLIOp>(loc, a, safe)
                  : kind == Shift::right ? t.make_op<arith::ShRSIOp>(loc, a, safe)
                                         : t.make_op<arith::ShRUIOp>(loc, a, safe);
  if (in_range || kind == Shift::right)
    return shifted;
  return select(t, loc, compare(t, loc, arith::CmpIPredicate::ule, b, last), shifted, zero);
}

Value float_to_integer(Tracer &t, Value x, DType dtype, mlir::Location loc) {
  if (x.getType() != with_element(x.getType(), t.builder.getF64Type()))
    x = convert(t, x, f32, loc); // whose range holds the bounds of every integer type
  const int bits = 8 * size_of(dtype);
  mlir::Type type = with_element(x.getType(), element_type(t.context, dtype));
  const double bound = std::ldexp(1.0, bits - 1);
  Value low = t.float_constant(-bound, x.getType(), loc), high = t.float_constant(bound, x.getType(), loc);
  Value above = compare(t, loc, arith::CmpFPredicate::OGE, x, high);
  Value in_range = t.make_op<arith::AndIOp>(loc, compare(t, loc, arith::CmpFPredicate::OGE, x, low),
                                            compare(t, loc, arith::CmpFPredicate::OLT, x, high));
  Value safe = select(t, loc, in_range, x, t.float_constant(0, x.getType(), loc));
  Value converted = t.make_op<arith::FPToSIOp>(loc, type, safe);
  Value below = select(t, loc, compare(t, loc, arith::CmpFPredicate::OLT, x, low),
                       t.integer_constant(min_integer(bits), type, loc), converted); // NaN: converted from 0
  return select(t, loc, above, t.integer_constant(max_integer(bits), type, loc), below);
}

Value float_to_float(Tracer &t, Value x, DType to, mlir::Location loc) {
  const DType from = info(x).dtype;
  auto as = [&](DType dtype) { return with_element(x.getType(), element_type(t.context, dtype)); };
  if (size_of(from) < size_of(to))
    return t.make_op<arith::ExtFOp>(loc, as(to), x);
  if (size_of(from) == size_of(to)) { // f16 and bf16, or the two fp8 types: through f32, which holds both
    x = t.make_op<arith::ExtFOp>(loc, as(f32), x);
  }
  if (is_float8(to)) {
    const double largest = to == f8e4m3 ? 448 : 57344;
    x = t.make_op<arith::MinimumFOp>(loc, x, t.float_constant(largest, x.getType(), loc));
    x = t.make_op<arith::MaximumFOp>(loc, x, t.float_constant(-largest, x.getType(), loc));
  }
  return t.make_op<arith::TruncFOp>(loc, as(to), x);
}

} // namespace

Value detail::convert(Tracer &t, Value x, DType to, mlir::Location loc) {
  const DType from = info(x).dtype;
  if (from == to)
    return x;
  mlir::Type type = with_element(x.getType(), element_type(t.context, to));
  if (to == i1) {
    if (!is_float(from))
      return compare(t, loc, arith::CmpIPredicate::ne, x, t.integer_constant(0, x.getType(), loc));
    if (is_float8(from))
      x = convert(t, x, f32, loc);
    return compare(t, loc, arith::CmpFPredicate::UNE, x, t.float_constant(0, x.getType(), loc));
  }
  if (is_float(from))
    return is_float(to) ? float_to_float(t, x, to, loc) : float_to_integer(t, x, to, loc);
  if (is_float(to)) {
    if (to != f32 && to != f64)
      return float_to_float(t, convert(t, x, f32, loc), to, loc);
    return from == i1 ? t.make_op<arith::UIToFPOp>(loc, type, x) : t.make_op<arith::SIToFPOp>(loc, type, x);
  }
  if (from == i1)
    return t.make_op<arith::ExtUIOp>(loc, type, x);
  return size_of(from) < size_of(to) ? t.make_op<arith::ExtSIOp>(loc, type, x)
                                     : t.make_op<arith::TruncIOp>(loc, type, x);
}

// ---- operators
// --------------------------------------------------------------------------------------------------------------

namespace {

using Emit = Value (*)(Tracer &, Value, Value, mlir::Location);

template <class FloatOp, class IntegerOp>
Value emit(Tracer &t, Value a, Value b, mlir::Location loc) {
  return is_float(info(a).dtype) ? t.make_op<FloatOp>(loc, a, b) : t.make_op<IntegerOp>(loc, a, b);
}
template <class IntegerOp>
Value emit_bits(Tracer &t, Value a, Value b, mlir::Location loc) {
  return t.make_op<IntegerOp>(loc, a, b);
}
template <Shift kind>
Value emit_shift(Tracer &t, Value a, Value b, mlir::Location loc) {
  return shift(t, kind, a, b, loc);
}

constexpr const char *takes_integers = ": it takes integers; convert with .to(), or take the bits with kiln::bitcast";

/// Which element types an operator takes beside i8 to i64.
enum class Takes { floats, booleans, integers };

Tile binary(const char *op, const Operand &a, const Operand &b, Takes takes, Emit emit, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  const Operand *operands[] = {&a, &b};
  Value values[2];
  unify(t, op, loc, operands, values, 2);
  check_arithmetic(t, op, values[0], loc);
  const DType dtype = info(values[0]).dtype;
  if (dtype == i1 && takes != Takes::booleans)
    t.fail(loc, quoted(op) + " is not defined on i1: use &, | and ^, or convert with .to(kiln::i32)");
  if (is_float(dtype) && takes != Takes::floats)
    t.fail(loc, quoted(op) + " is not defined on " + text(values[0]) + takes_integers);
  return Tracer::make(emit(t, values[0], values[1], t.location(loc)));
}

bool is_pointer(Tracer &t, const Operand &operand) {
  return operand.tile() && info(t.read(*operand.tile(), operand.loc())).pointer;
}

Tile add_pointer(const char *op, const Operand &base, const Operand &offset, bool negate, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  mlir::Location where = t.location(loc);
  Value pointer = take(t, op, base), by = take(t, op, offset);
  TypeInfo type = info(by);
  if (type.pointer || (type.dtype != i32 && type.dtype != i64))
    t.fail(loc, quoted(op) + ": the offset of a pointer is i32 or i64, got " + text(by));
  if (negate) {
    // In 64 bits, where the negative of every i32 exists.
    by = convert(t, by, i64, where);
    by = t.make_op<arith::SubIOp>(where, t.integer_constant(0, by.getType(), where), by);
  }
  std::optional<Shape> shape = broadcast_shapes(info(pointer).shape, info(by).shape);
  if (!shape)
    t.fail(loc, quoted(op) + ": shapes of " + text(pointer) + " and " + text(by) + do_not_match);
  by = offset.tile() || shape->rank() == 0
           ? broadcast(t, by, *shape, where)
           : t.integer_constant(*splat_integer(by), make_type(t.context, info(by).dtype, *shape), where);
  return Tracer::make(t.make_op<tile::AddPtrOp>(where, broadcast(t, pointer, *shape, where), by));
}

Tile comparison(const char *op, const Operand &a, const Operand &b, arith::CmpIPredicate integers,
                arith::CmpFPredicate floats, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  const Operand *operands[] = {&a, &b};
  Value values[2];
  const bool ordering = integers != arith::CmpIPredicate::eq && integers != arith::CmpIPredicate::ne;
  for (const Operand *operand : operands) // before the types are compared: the second half of 0 < i < n is i1 < i32
    if (ordering && operand->tile() && info(t.read(*operand->tile(), operand->loc())).dtype == i1)
      t.fail(loc, quoted(op) + " does not order i1: write a chained comparison a < b < c as (a < b) & (b < c)");
  unify(t, op, loc, operands, values, 2);
  check_arithmetic(t, op, values[0], loc);
  mlir::Location where = t.location(loc);
  return Tracer::make(is_float(info(values[0]).dtype) ? compare(t, where, floats, values[0], values[1])
                                                      : compare(t, where, integers, values[0], values[1]));
}

// An operator stands where its right operand does: the left one may be a whole expression, on other lines.
const Loc &at(const Operand &, const Operand &b) { return b.loc(); }

Tile add(const Operand &a, const Operand &b, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  if (is_pointer(t, a))
    return add_pointer("+", a, b, false, loc);
  if (is_pointer(t, b))
    return add_pointer("+", b, a, false, loc);
  return binary("+", a, b, Takes::floats, emit<arith::AddFOp, arith::AddIOp>, loc);
}
Tile subtract(const Operand &a, const Operand &b, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  if (is_pointer(t, a))
    return add_pointer("-", a, b, true, loc);
  return binary("-", a, b, Takes::floats, emit<arith::SubFOp, arith::SubIOp>, loc);
}
Tile multiply(const Operand &a, const Operand &b, const Loc &loc) {
  return binary("*", a, b, Takes::floats, emit<arith::MulFOp, arith::MulIOp>, loc);
}
Tile quotient(const Operand &a, const Operand &b, const Loc &loc) {
  return binary("/", a, b, Takes::floats, divide, loc);
}
Tile modulo(const Operand &a, const Operand &b, const Loc &loc) {
  return binary("%", a, b, Takes::floats, remainder, loc);
}
Tile bit_and(const Operand &a, const Operand &b, const Loc &loc) {
  return binary("&", a, b, Takes::booleans, emit_bits<arith::AndIOp>, loc);
}
Tile bit_or(const Operand &a, const Operand &b, const Loc &loc) {
  return binary("|", a, b, Takes::booleans, emit_bits<arith::OrIOp>, loc);
}
Tile bit_xor(const Operand &a, const Operand &b, const Loc &loc) {
  return binary("^", a, b, Takes::booleans, emit_bits<arith::XOrIOp>, loc);
}
Tile shift_left(const Operand &a, const Operand &b, const Loc &loc) {
  return binary("<<", a, b, Takes::integers, emit_shift<Shift::left>, loc);
}
Tile shift_right(const Operand &a, const Operand &b, const Loc &loc) {
  return binary(">>", a, b, Takes::integers, emit_shift<Shift::right>, loc);
}

} // namespace

namespace kiln {

Tile operator+(const Operand &a, const Operand &b) { return add(a, b, at(a, b)); }
Tile operator-(const Operand &a, const Operand &b) { return subtract(a, b, at(a, b)); }
Tile operator*(const Operand &a, const Operand &b) { return multiply(a, b, at(a, b)); }
Tile operator/(const Operand &a, const Operand &b) { return quotient(a, b, at(a, b)); }
Tile operator%(const Operand &a, const Operand &b) { return modulo(a, b, at(a, b)); }
Tile operator&(const Operand &a, const Operand &b) { return bit_and(a, b, at(a, b)); }
Tile operator|(const Operand &a, const Operand &b) { return bit_or(a, b, at(a, b)); }
Tile operator^(const Operand &a, const Operand &b) { return bit_xor(a, b, at(a, b)); }
Tile operator<<(const Operand &a, const Operand &b) { return shift_left(a, b, at(a, b)); }
Tile operator>>(const Operand &a, const Operand &b) { return shift_right(a, b, at(a, b)); }

Tile &operator+=(Tile &a, const Operand &b) { return a = add(Operand(a, b.loc()), b, b.loc()); }
Tile &operator-=(Tile &a, const Operand &b) { return a = subtract(Operand(a, b.loc()), b, b.loc()); }
Tile &operator*=(Tile &a, const Operand &b) { return a = multiply(Operand(a, b.loc()), b, b.loc()); }
Tile &operator/=(Tile &a, const Operand &b) { return a = quotient(Operand(a, b.loc()), b, b.loc()); }
Tile &operator%=(Tile &a, const Operand &b) { return a = modulo(Operand(a, b.loc()), b, b.loc()); }
Tile &operator&=(Tile &a, const Operand &b) { return a = bit_and(Operand(a, b.loc()), b, b.loc()); }
Tile &operator|=(Tile &a, const Operand &b) { return a = bit_or(Operand(a, b.loc()), b, b.loc()); }
Tile &operator^=(Tile &a, const Operand &b) { return a = bit_xor(Operand(a, b.loc()), b, b.loc()); }
Tile &operator<<=(Tile &a, const Operand &b) { return a = shift_left(Operand(a, b.loc()), b, b.loc()); }
Tile &operator>>=(Tile &a, const Operand &b) { return a = shift_right(Operand(a, b.loc()), b, b.loc()); }

Tile operator<(const Operand &a, const Operand &b) {
  return comparison("<", a, b, arith::CmpIPredicate::slt, arith::CmpFPredicate::OLT, at(a, b));
}
Tile operator<=(const Operand &a, const Operand &b) {
  return comparison("<=", a, b, arith::CmpIPredicate::sle, arith::CmpFPredicate::OLE, at(a, b));
}
Tile operator>(const Operand &a, const Operand &b) {
  return comparison(">", a, b, arith::CmpIPredicate::sgt, arith::CmpFPredicate::OGT, at(a, b));
}
Tile operator>=(const Operand &a, const Operand &b) {
  return comparison(">=", a, b, arith::CmpIPredicate::sge, arith::CmpFPredicate::OGE, at(a, b));
}
Tile operator==(const Operand &a, const Operand &b) {
  return comparison("==", a, b, arith::CmpIPredicate::eq, arith::CmpFPredicate::OEQ, at(a, b));
}
Tile operator!=(const Operand &a, const Operand &b) {
  return comparison("!=", a, b, arith::CmpIPredicate::ne, arith::CmpFPredicate::UNE, at(a, b));
}

Tile operator-(const Operand &a) {
  Tracer &t = Tracer::current(a.loc());
  Value value = take(t, "-", a);
  check_arithmetic(t, "-", value, a.loc());
  if (info(value).dtype == i1)
    t.fail(a.loc(), "'-' is not defined on i1: use ~, or convert with .to(kiln::i32)");
  mlir::Location loc = t.location(a.loc());
  if (is_float(info(value).dtype))
    return Tracer::make(t.make_op<arith::NegFOp>(loc, value));
  return Tracer::make(t.make_op<arith::SubIOp>(loc, t.integer_constant(0, value.getType(), loc), value));
}

Tile operator~(const Operand &a) {
  Tracer &t = Tracer::current(a.loc());
  Value value = take(t, "~", a);
  if (info(value).pointer || is_float(info(value).dtype))
    t.fail(a.loc(), "'~' is not defined on " + text(value) + (info(value).pointer ? "" : takes_integers));
  mlir::Location loc = t.location(a.loc());
  return Tracer::make(t.make_op<arith::XOrIOp>(loc, value, t.integer_constant(-1, value.getType(), loc)));
}

// An operator cannot take the place of its call as a default argument, and `!` prefers an exact match over Operand: a
// built-in candidate through `operator bool` would be as good. So it stands where the step before it does.
Tile operator!(const Tile &a) {
  const Loc loc = Tracer::active() ? Tracer::active()->last : Loc();
  return Operand(a, loc) == Operand(0, loc);
}

Tile shift_right_logical(const Operand &a, const Operand &b, Loc loc) {
  return binary("shift_right_logical", a, b, Takes::integers, emit_shift<Shift::right_logical>, loc);
}

Tile cdiv(const Operand &a, const Operand &b, Loc loc) {
  return binary(
      "cdiv", a, b, Takes::integers,
      [](Tracer &t, Value a, Value b, mlir::Location loc) {
        Value q = divide(t, a, b, loc);
        Value r = t.make_op<arith::SubIOp>(loc, a, t.make_op<arith::MulIOp>(loc, q, b));
        Value zero = t.integer_constant(0, a.getType(), loc);
        // Truncation rounded down where the quotient is positive: where the remainder has the sign of the divisor.
        Value same_sign = compare(t, loc, arith::CmpIPredicate::sge, t.make_op<arith::XOrIOp>(loc, r, b), zero);
        Value inexact = compare(t, loc, arith::CmpIPredicate::ne, r, zero);
        Value divides = compare(t, loc, arith::CmpIPredicate::ne, b, zero);
        Value up = t.make_op<arith::AndIOp>(loc, t.make_op<arith::AndIOp>(loc, same_sign, inexact), divides);
        return t.make_op<arith::AddIOp>(loc, q, convert(t, up, info(a).dtype, loc));
      },
      loc);
}

} // namespace kiln
