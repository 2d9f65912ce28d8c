// Statements whose results executors may round differently, and the arithmetic of their error bounds. A bound covers
// the distance of one correct executor's result from the exact one; two executors may be twice as far apart.
#include "generator.h"

#include <algorithm>
#include <cmath>

namespace kiln::fuzz {

// ---- bounds, in the program with bounds only

std::string Generator::f64_constant(const Shape &shape, double value) {
  if (!bounds)
    return "";
  std::string name = cat("%b", next_bound++);
  line(cat(name, " = arith.constant ", shape.empty() ? "" : "dense<", float_text(Type::f64, value),
           shape.empty() ? "" : ">", " : ", type_text(Type::f64, shape)));
  return name;
}

std::string Generator::f64_op(const std::string &op, const Shape &shape, const std::string &a, const std::string &b) {
  if (!bounds)
    return "";
  std::string name = cat("%b", next_bound++);
  line(cat(name, " = ", op, " ", a, b.empty() ? "" : ", ", b, " : ", type_text(Type::f64, shape)));
  return name;
}

std::string Generator::bound_of(const Value &value) {
  return value.exact ? f64_constant(value.shape, 0) : cat("%", value.name, "_e");
}

std::string Generator::magnitude_of(const Value &value) {
  if (!bounds)
    return "";
  std::string wide = "%" + value.name;
  if (value.type != Type::f64) {
    wide = cat("%b", next_bound++);
    line(cat(wide, " = arith.extf %", value.name, " : ", type_text(value.type, value.shape), " to ",
             type_text(Type::f64, value.shape)));
  }
  return f64_op("math.absf", value.shape, wide, "");
}

void Generator::set_bound(Value &result, const std::string &inherited, double ulps) {
  result.exact = false;
  result.integral = false;
  if (!bounds)
    return;
  const Shape &shape = result.shape;
  double relative = 1.02 * ulps * std::ldexp(1.0, 1 - info(result.type).precision),
         absolute = std::max(1.0, ulps) * info(result.type).tiny;
  std::string own = f64_op("arith.mulf", shape, magnitude_of(result), f64_constant(shape, relative));
  own = f64_op("arith.addf", shape, own, f64_constant(shape, absolute));
  if (inherited.empty())
    own = f64_op("arith.addf", shape, own, f64_constant(shape, 0));
  line(cat("%", result.name, "_e = arith.addf ", own, ", ", inherited.empty() ? f64_constant(shape, 0) : inherited,
           " : ", type_text(Type::f64, shape)));
}

// ---- mathematical functions

namespace {
struct Function {
  const char *name;
  double ulps;         // of f32; f64 functions are good to 2
  double input_limit;  // arguments are clamped to this
  double output_limit; // for such arguments
  bool positive;       // takes arguments of at least 1/8
  double slope;        // how much an error of the argument grows; 0: with the result, as that of an exponential
};
const std::vector<Function> functions = {
    {"exp", 2, 8, 2981, false, 0},  {"exp2", 2, 8, 256, false, 0},  {"log", 2, 1e6, 14, true, 8},
    {"log2", 2, 1e6, 20, true, 12}, {"sin", 4, 1e5, 1, false, 1},   {"cos", 4, 1e5, 1, false, 1},
    {"tanh", 4, 1e6, 1, false, 1},  {"erf", 4, 1e6, 1, false, 1.2}, {"rsqrt", 2, 1e6, 2.9, true, 12}};
} // namespace

/// A function of x, whose magnitude suits it, with its bound.
Value Generator::call(const std::string &name, const Value &x) {
  const Function &function =
      *std::find_if(functions.begin(), functions.end(), [&](const Function &f) { return f.name == name; });
  Value result = emit_op("math." + name, x.type, x);
  result.tame = true;
  result.magnitude = function.output_limit * 1.001;
  std::string inherited;
  if (!x.exact && bounds) {
    std::string e = bound_of(x);
    if (function.slope == 0) {
      // exp(x + e) - exp(x) = exp(x) * (exp(e) - 1). Only -inf, whose exponential is 0, has an e beyond 1.
      std::string limited = f64_op("arith.minimumf", x.shape, e, f64_constant(x.shape, 1));
      std::string growth =
          f64_op("arith.subf", x.shape, f64_op("math.exp", x.shape, limited, ""), f64_constant(x.shape, 1));
      inherited = f64_op("arith.mulf", x.shape, magnitude_of(result),
                         f64_op("arith.mulf", x.shape, growth, f64_constant(x.shape, 1.1)));
    } else {
      inherited = f64_op("arith.mulf", x.shape, e, f64_constant(x.shape, function.slope));
    }
  }
  set_bound(result, inherited, x.type == Type::f64 ? 2 : function.ulps);
  return result;
}

/// A function of a tame value, which may itself be bounded.
Value Generator::math_function() {
  const Function &function = one_of(functions);
  Type type = chance(75) ? Type::f32 : Type::f64;
  Shape shape = chance(15) ? Shape{} : random_shape();
  Value x = operand(type, shape, function.positive ? Need::tame : Need::bounded);
  if (function.positive) {
    Value absolute = with_facts(emit_op("math.absf", type, x), x);
    x = with_facts(emit_op("arith.addf", type, absolute, number(type, shape, 0.125)), x);
    x.magnitude += 0.125;
  }
  return call(function.name, clamp(x, function.input_limit));
}

/// A function of anything: infinities, NaN, subnormals, huge numbers. What it yields is compared and not used further.
Value Generator::math_of_anything() {
  const Function &function = one_of(functions);
  Type type = Type::f32;
  Shape shape = random_shape();
  Value x = operand(type, shape);
  if (function.input_limit == 1e5) { // sine and cosine are stated up to 2^20
    Value absolute = emit_op("math.absf", type, x);
    Value fits = emit_op("arith.cmpf ole,", Type::i1, absolute, number(type, shape, 1048576));
    x = emit(type, shape,
             cat("arith.select %", fits.name, ", %", x.name, ", %", number(type, shape, 1).name, " : ",
                 type_text(Type::i1, shape), ", ", type_text(type, shape)));
  }
  Value result = emit_op(std::string("math.") + function.name, type, x);
  set_bound(result, "", function.ulps);
  store_result(result);
  return result;
}

// ---- arithmetic

/// One of arith.addf, subf, mulf, maximumf and minimumf of tame values; bounded unless both are exact.
Value Generator::arithmetic(const std::string &op, const Value &a, const Value &b) {
  const Shape &shape = a.shape;
  Value result = emit_op(op, a.type, a, b);
  bool adds = op == "arith.addf" || op == "arith.subf", multiplies = op == "arith.mulf";
  result.magnitude = adds         ? a.magnitude + b.magnitude
                     : multiplies ? a.magnitude * b.magnitude
                                  : std::max(a.magnitude, b.magnitude);
  result.tame = a.tame && b.tame && result.magnitude <= 1e6;
  if (a.exact && b.exact)
    return result;
  std::string inherited;
  if (bounds) {
    std::string ea = bound_of(a), eb = bound_of(b);
    if (multiplies) { // (|a| + ea) * eb + |b| * ea
      std::string left = f64_op("arith.mulf", shape, f64_op("arith.addf", shape, magnitude_of(a), ea), eb);
      inherited = f64_op("arith.addf", shape, left, f64_op("arith.mulf", shape, magnitude_of(b), ea));
    } else {
      inherited = f64_op(adds ? "arith.addf" : "arith.maximumf", shape, ea, eb);
    }
  }
  set_bound(result, inherited);
  return result;
}

/// a where `condition`, of the same shape, holds, else b.
Value Generator::choose(const Value &condition, const Value &a, const Value &b) {
  const Shape &shape = a.shape;
  auto text = [&](const std::string &x, const std::string &y, Type type) {
    return cat("arith.select %", condition.name, ", ", x, ", ", y, " : ",
               shape.empty() ? "" : type_text(Type::i1, shape) + ", ", type_text(type, shape));
  };
  Value result = emit(a.type, shape, text("%" + a.name, "%" + b.name, a.type));
  result.exact = a.exact && b.exact;
  result.tame = a.tame && b.tame;
  result.integral = a.integral && b.integral;
  result.magnitude = std::max(a.magnitude, b.magnitude);
  if (!result.exact && bounds) {
    std::string ea = bound_of(a), eb = bound_of(b);
    line(cat("%", result.name, "_e = ", text(ea, eb, Type::f64)));
  }
  return result;
}

Value Generator::bounded_arithmetic() {
  Type type = chance(80) ? Type::f32 : one_of<Type>({Type::f64, Type::f16, Type::bf16});
  Shape shape = chance(15) ? Shape{} : random_shape();
  Value a = clamp(operand(type, shape, Need::bounded), 30), b = clamp(operand(type, shape, Need::bounded), 30);
  if (chance(15))
    return choose(operand(Type::i1, shape), a, b);
  return arithmetic(
      one_of<std::string>({"arith.addf", "arith.subf", "arith.mulf", "arith.mulf", "arith.maximumf", "arith.minimumf"}),
      a, b);
}

} // namespace kiln::fuzz
