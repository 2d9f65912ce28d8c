// Statements whose results are the same bits everywhere: integers, floats rounded once, conversions, shapes.
#include "generator.h"

#include <algorithm>
#include <cmath>

namespace kiln::fuzz {

// ---- integers

/// Division and shifts are guarded as the language guards them.
Value Generator::integer_binary() {
  Type type = chance(10) ? Type::i1 : random_integer();
  Shape shape = chance(15) ? Shape{} : random_shape();
  Value a = operand(type, shape), b = operand(type, shape);
  if (type == Type::i1)
    return emit_op(one_of<std::string>({"arith.andi", "arith.ori", "arith.xori"}), type, a, b);
  Value zero = integer(type, shape, 0), last = integer(type, shape, info(type).bits - 1);
  switch (below(12)) {
  case 0:
  case 1: {
    bool is_division = chance(50);
    std::string op = is_division ? "arith.divsi" : "arith.remsi";
    if (chance(30)) {
      std::int64_t divisor = one_of<std::int64_t>({1, 2, 3, 7, 16, 100, -2, -5});
      return emit_op(op, type, a, integer(type, shape, divisor));
    }
    Value one = integer(type, shape, 1), minus_one = integer(type, shape, -1);
    Value lowest = integer(type, shape, std::int64_t(~std::uint64_t(0) << (info(type).bits - 1)));
    Value is_zero = emit_op("arith.cmpi eq,", Type::i1, b, zero),
          is_minus_one = emit_op("arith.cmpi eq,", Type::i1, b, minus_one);
    Value is_lowest = emit_op("arith.cmpi eq,", Type::i1, a, lowest);
    Value unsafe = emit_op("arith.ori", Type::i1, is_zero, emit_op("arith.andi", Type::i1, is_minus_one, is_lowest));
    Value quotient = emit_op(op, type, a, choose(unsafe, one, b));
    return choose(is_zero, is_division ? zero : a, quotient);
  }
  case 2: {
    Value amount = emit_op("arith.minui", type, b, last);
    std::string op = one_of<std::string>({"arith.shli", "arith.shrsi", "arith.shrui"});
    Value shifted = emit_op(op, type, a, amount);
    if (op == "arith.shrsi")
      return shifted;
    return choose(emit_op("arith.cmpi ule,", Type::i1, b, last), shifted, zero);
  }
  default:
    return emit_op(one_of<std::string>({"arith.addi", "arith.subi", "arith.muli", "arith.andi", "arith.ori",
                                        "arith.xori", "arith.maxsi", "arith.minsi"}),
                   type, a, b);
  }
}

Value Generator::integer_unary() {
  Type type = random_integer();
  Shape shape = random_shape();
  Value a = operand(type, shape);
  switch (below(3)) {
  case 0:
    return emit_op("math.absi", type, a);
  case 1:
    return emit_op("arith.subi", type, integer(type, shape, 0), a);
  default:
    return emit_op("arith.xori", type, a, integer(type, shape, -1));
  }
}

Value Generator::compare() {
  Shape shape = chance(15) ? Shape{} : random_shape();
  if (chance(50)) {
    Type type = random_integer();
    Value a = operand(type, shape), b = operand(type, shape);
    return emit_op("arith.cmpi " + one_of<std::string>({"eq", "ne", "slt", "sle", "sgt", "sge", "ult"}) + ",", Type::i1,
                   a, b);
  }
  Type type = random_float();
  Value a = operand(type, shape), b = operand(type, shape);
  return emit_op("arith.cmpf " + one_of<std::string>({"oeq", "une", "olt", "ole", "ogt", "oge"}) + ",", Type::i1, a, b);
}

Value Generator::select() {
  Shape shape = chance(15) ? Shape{} : random_shape();
  Type type = chance(50)   ? random_integer()
              : chance(20) ? one_of<Type>({Type::f8E4M3FN, Type::f8E5M2})
                           : random_float();
  bool whole = !shape.empty() && chance(10); // one condition for all elements
  Value condition = operand(Type::i1, whole ? Shape{} : shape);
  if (whole)
    condition = spread(condition, shape);
  Value a = operand(type, shape), b = operand(type, shape);
  return choose(condition, a, b);
}

// ---- floats

/// Values beyond this are no longer called tame.
static double limit(Type type) { return type == Type::f16 ? 1000 : 1e6; }

static Value judged(Value result, Type type, bool tame, bool integral, double magnitude) {
  result.tame = tame && magnitude <= limit(type);
  result.integral = result.tame && integral && magnitude <= std::ldexp(1.0, info(type).precision);
  result.magnitude = magnitude;
  return result;
}

Value Generator::float_binary() {
  Type type = random_float();
  Shape shape = chance(15) ? Shape{} : random_shape();
  Need need = chance(50) ? Need::tame : Need::exact;
  Value a = operand(type, shape, need), b = operand(type, shape, need);
  bool tame = a.tame && b.tame, integral = a.integral && b.integral;
  switch (below(8)) {
  case 0:
  case 1:
    return judged(emit_op("arith.addf", type, a, b), type, tame, integral, a.magnitude + b.magnitude);
  case 2:
    return judged(emit_op("arith.subf", type, a, b), type, tame, integral, a.magnitude + b.magnitude);
  case 3:
    return judged(emit_op("arith.mulf", type, a, b), type, tame, integral, a.magnitude * b.magnitude);
  case 4:
    return emit_op("arith.divf", type, a, b);
  case 5:
    return type == Type::f32 || type == Type::f64
               ? emit(type, shape,
                      cat("math.fma %", a.name, ", %", b.name, ", %", operand(type, shape, need).name, " : ",
                          type_text(type, shape)))
               : emit_op("arith.remf", type, a, b);
  case 6: {
    // Of zeros with different signs either may be the larger number: there are none after an absolute value.
    Value x = emit_op("math.absf", type, a), y = emit_op("math.absf", type, b);
    return judged(emit_op(chance(50) ? "arith.maxnumf" : "arith.minnumf", type, x, y), type, tame, integral,
                  std::max(a.magnitude, b.magnitude));
  }
  default:
    return judged(emit_op(chance(50) ? "arith.maximumf" : "arith.minimumf", type, a, b), type, tame, integral,
                  std::max(a.magnitude, b.magnitude));
  }
}

Value Generator::float_unary() {
  Type type = random_float();
  Shape shape = chance(15) ? Shape{} : random_shape();
  Value a = operand(type, shape, chance(50) ? Need::tame : Need::exact);
  switch (below(4)) {
  case 0:
    return with_facts(emit_op("arith.negf", type, a), a);
  case 1:
    return with_facts(emit_op("math.absf", type, a), a);
  default:
    break;
  }
  // The language computes these in f32 for narrower types.
  Type wide = type == Type::f64 ? type : Type::f32;
  if (chance(30))
    return convert(emit_op("math.sqrt", wide, convert(a, wide)), type);
  std::string op = one_of<std::string>({"math.floor", "math.ceil", "math.trunc", "math.roundeven"});
  Value rounded = emit_op(op, wide, convert(a, wide));
  return convert(judged(rounded, wide, a.tame, true, a.magnitude + 1), type);
}

/// Limits a tame value, bounded or not, to [-limit, limit].
Value Generator::clamp(const Value &value, double limit) {
  if (value.magnitude <= limit)
    return value;
  Value high = number(value.type, value.shape, limit), low = number(value.type, value.shape, -limit);
  Value upper = with_facts(emit_op("arith.minimumf", value.type, value, high), value);
  Value result = with_facts(emit_op("arith.maximumf", value.type, upper, low), value);
  result.magnitude = limit;
  if (!value.exact)
    bound_line(cat("%", result.name, "_e = arith.mulf ", bound_of(value), ", ", f64_constant(value.shape, 1.0), " : ",
                   type_text(Type::f64, value.shape)));
  return result;
}

// ---- conversions

/// The sequences of the language: see "Conversions" in docs/semantics.md. Bounded values convert between floats only.
Value Generator::convert(const Value &x, Type to) {
  Type from = x.type;
  const Shape &shape = x.shape;
  if (from == to)
    return x;
  auto cast = [&](const std::string &op, const Value &value, Type type) {
    return with_facts(
        emit(type, shape,
             cat(op, " %", value.name, " : ", type_text(value.type, shape), " to ", type_text(type, shape))),
        value);
  };
  if (to == Type::i1) {
    if (!is_float(from))
      return emit_op("arith.cmpi ne,", to, x, integer(from, shape, 0));
    Value wide = is_fp8(from) ? convert(x, Type::f32) : x;
    return emit_op("arith.cmpf une,", to, wide, number(wide.type, shape, 0));
  }
  if (!is_float(from) && !is_float(to)) {
    Value result = cast(from == Type::i1                  ? "arith.extui"
                        : info(from).bits < info(to).bits ? "arith.extsi"
                                                          : "arith.trunci",
                        x, to);
    return result;
  }
  if (!is_float(from)) {
    Type wide = to == Type::f64 ? to : Type::f32;
    Value result = cast(from == Type::i1 ? "arith.uitofp" : "arith.sitofp", x, wide);
    double largest = from == Type::i1 ? 1 : std::ldexp(1.0, info(from).bits - 1);
    return convert(judged(result, wide, true, true, largest), to);
  }
  if (!is_float(to)) {
    Value wide = from == Type::f64 ? x : convert(x, Type::f32);
    double bound = std::ldexp(1.0, info(to).bits - 1);
    Value low = number(wide.type, shape, -bound), high = number(wide.type, shape, bound),
          zero = number(wide.type, shape, 0);
    Value above = emit_op("arith.cmpf oge,", Type::i1, wide, high),
          below_low = emit_op("arith.cmpf olt,", Type::i1, wide, low);
    Value in_range = emit_op("arith.andi", Type::i1, emit_op("arith.cmpf oge,", Type::i1, wide, low),
                             emit_op("arith.cmpf olt,", Type::i1, wide, high));
    Value converted = cast("arith.fptosi", choose(in_range, wide, zero), to);
    std::uint64_t lowest = ~std::uint64_t(0) << (info(to).bits - 1);
    Value result = choose(below_low, integer(to, shape, std::int64_t(lowest)), converted);
    return choose(above, integer(to, shape, std::int64_t(~lowest)), result);
  }
  Value source = x;
  bool widens = info(from).bits < info(to).bits;
  if (info(from).bits == info(to).bits)
    source = convert(x, Type::f32);
  if (is_fp8(to) && !widens) {
    double largest = to == Type::f8E4M3FN ? 448 : 57344;
    if (source.type == Type::bf16 || source.type == Type::f16 || source.type == Type::f32 || source.type == Type::f64) {
      Value upper = emit_op("arith.minimumf", source.type, source, number(source.type, shape, largest));
      source = with_facts(emit_op("arith.maximumf", source.type, upper, number(source.type, shape, -largest)), source);
    }
  }
  Value result = cast(widens ? "arith.extf" : "arith.truncf", source, to);
  if (!widens) {
    result.tame = x.tame && x.magnitude <= limit(to) && (!is_fp8(to) || x.magnitude <= 400);
    result.integral = result.tame && x.integral && x.magnitude <= std::ldexp(1.0, info(to).precision);
    result.magnitude = x.magnitude * (1 + std::ldexp(1.0, -info(to).precision));
  }
  if (!x.exact) {
    if (widens)
      bound_line(cat("%", result.name, "_e = arith.addf ", bound_of(source), ", ", f64_constant(shape, 0), " : ",
                     type_text(Type::f64, shape)));
    else
      set_bound(result, bound_of(source));
  }
  return result;
}

Value Generator::conversion() {
  Value x = any_exact();
  Type to = one_of<Type>({Type::i1, Type::i8, Type::i16, Type::i32, Type::i64, Type::f8E4M3FN, Type::f8E5M2, Type::f16,
                          Type::bf16, Type::f32, Type::f32, Type::f64});
  return convert(x, to == x.type ? Type::f32 : to);
}

/// The bits of a NaN are unspecified, so floats become integers only where they cannot be NaN.
Value Generator::bitcast() {
  static const std::vector<std::pair<Type, Type>> pairs = {{Type::i8, Type::f8E4M3FN}, {Type::i8, Type::f8E5M2},
                                                           {Type::i16, Type::f16},     {Type::i16, Type::bf16},
                                                           {Type::i32, Type::f32},     {Type::i64, Type::f64}};
  auto [integer_type, float_type] = one_of(pairs);
  Shape shape = random_shape();
  bool to_float = is_fp8(float_type) || chance(50);
  Value x = to_float ? operand(integer_type, shape) : operand(float_type, shape, Need::tame);
  Type to = to_float ? float_type : integer_type;
  return emit(to, shape, cat("tile.bitcast %", x.name, " : ", type_text(x.type, shape), " -> ", type_text(to, shape)));
}

// ---- shapes

Value Generator::reshape() {
  std::vector<Value> tiles;
  for (const Value &value : pool)
    if (!value.shape.empty())
      tiles.push_back(value);
  Value x = tiles.empty() ? leaf(random_integer(), random_shape(), Need::exact) : one_of(tiles);
  if (x.shape.size() == 1 && chance(60)) {
    std::int64_t other = one_of<std::int64_t>({1, 2, 4, 8});
    return spread(x, chance(50) ? Shape{x.shape[0], other} : Shape{other, x.shape[0]});
  }
  if (x.shape.size() >= 2 && chance(60)) {
    std::vector<int> order(x.shape.size());
    for (std::size_t i = 0; i < order.size(); ++i)
      order[i] = int(i);
    std::shuffle(order.begin(), order.end(), random);
    Shape shape;
    std::string list;
    for (int i : order) {
      shape.push_back(x.shape[std::size_t(i)]);
      list += cat(list.empty() ? "" : ", ", i);
    }
    return reshaped("tile.trans", x, shape, " [" + list + "]");
  }
  std::int64_t n = count(x.shape);
  std::vector<Shape> shapes = {{n}, {1, n}, {n, 1}};
  for (std::int64_t m = 2; m < n; m *= 2)
    shapes.push_back({m, n / m});
  return spread(x, one_of(shapes));
}

} // namespace kiln::fuzz
