// Reductions, scans and dot.
#include "generator.h"

#include <algorithm>
#include <cmath>

namespace kiln::fuzz {

std::string Generator::combiner(const std::string &op, Type type) {
  std::string t = info(type).name, a = fresh();
  return cat("{\n", indent, "^bb0(%", a, "l: ", t, ", %", a, "r: ", t, "):\n", indent, "  %", a, "s = ", op, " %", a,
             "l, %", a, "r : ", t, "\n", indent, "  tile.yield %", a, "s : ", t, "\n", indent, "}");
}

/// Kinds 0 to 4 are reductions, 5 and 6 scans, 7 and 8 reversed scans.
Combination Generator::combination(std::uint64_t kind, std::size_t axis, const Shape &shape) {
  Combination result;
  bool scan = kind >= 5;
  result.op = scan ? "tile.scan" : "tile.reduce";
  result.attributes = cat(" axis ", axis, kind >= 7 ? " reverse" : "");
  result.shape = shape;
  result.length = shape[axis];
  if (!scan)
    result.shape.erase(result.shape.begin() + std::ptrdiff_t(axis));
  return result;
}

Value Generator::exact_reduction() {
  Shape shape = random_shape();
  Combination c = combination(below(9), below(shape.size()), shape);
  Type type = chance(60) ? random_integer() : random_float();
  std::string op = is_float(type) ? one_of<std::string>({"arith.maximumf", "arith.minimumf"})
                                  : one_of<std::string>({"arith.addi", "arith.addi", "arith.maxsi", "arith.minsi",
                                                         "arith.andi", "arith.ori", "arith.xori", "arith.muli"});
  Value x = operand(type, shape);
  Value result = emit(type, c.shape,
                      cat(c.op, " %", x.name, c.attributes, " : (", type_text(type, shape), ") -> ",
                          type_text(type, c.shape), " ", combiner(op, type)));
  result.tame = x.tame;
  result.integral = x.integral;
  result.magnitude = x.magnitude;
  return result;
}

/// argmax or argmin: the index of the largest or smallest element, the first of equal ones; NaN wins, the first of
/// them.
Value Generator::argument_reduction() {
  Shape shape = random_shape();
  std::size_t axis = below(shape.size());
  Combination c = combination(0, axis, shape);
  Type type = chance(50) ? random_integer() : random_float();
  bool largest = chance(50);
  Value x = operand(type, shape);
  Value range =
      emit(Type::i32, {c.length}, cat("tile.arange 0 to ", c.length, " : ", type_text(Type::i32, {c.length})));
  Shape line_shape(shape.size(), 1);
  line_shape[axis] = c.length;
  Value index = spread(range, line_shape);
  if (line_shape != shape)
    index = emit(Type::i32, shape,
                 cat("tile.broadcast %", index.name, " : ", type_text(Type::i32, line_shape), " -> ",
                     type_text(Type::i32, shape)));
  std::string n = fresh(), t = info(type).name, text, v = "%" + n;
  auto add = [&](const std::string &name, const std::string &what) {
    text += indent + "  " + v + name + " = " + what + "\n";
  };
  std::string ab = cat(" ", v, "a, ", v, "b : ", t);
  if (is_float(type)) {
    add("gt", cat("arith.cmpf ", largest ? "ogt," : "olt,", ab));
    add("eq", cat("arith.cmpf oeq,", ab));
    add("na", cat("arith.cmpf uno, ", v, "a, ", v, "a : ", t));
    add("nb", cat("arith.cmpf uno, ", v, "b, ", v, "b : ", t));
    add("true", "arith.constant true");
    add("onb", cat("arith.xori ", v, "nb, ", v, "true : i1"));
    add("only", cat("arith.andi ", v, "na, ", v, "onb : i1"));
    add("both", cat("arith.andi ", v, "na, ", v, "nb : i1"));
    add("same", cat("arith.ori ", v, "eq, ", v, "both : i1"));
    add("wins", cat("arith.ori ", v, "gt, ", v, "only : i1"));
  } else {
    add("wins", cat("arith.cmpi ", largest ? "sgt," : "slt,", ab));
    add("same", cat("arith.cmpi eq,", ab));
  }
  add("lt", cat("arith.cmpi slt, ", v, "i, ", v, "j : i32"));
  add("tie", cat("arith.andi ", v, "same, ", v, "lt : i1"));
  add("first", cat("arith.ori ", v, "wins, ", v, "tie : i1"));
  add("v", cat("arith.select ", v, "first, ", v, "a, ", v, "b : ", t));
  add("k", cat("arith.select ", v, "first, ", v, "i, ", v, "j : i32"));
  Value result;
  result.name = fresh();
  result.shape = c.shape;
  line(cat("%", result.name, "_v, %", result.name, " = tile.reduce %", x.name, ", %", index.name, " axis ", axis,
           " : (", type_text(type, shape), ", ", type_text(Type::i32, shape), ") -> (", type_text(type, c.shape), ", ",
           type_text(Type::i32, c.shape), ") {\n", indent, "^bb0(", v, "a: ", t, ", ", v, "i: i32, ", v, "b: ", t, ", ",
           v, "j: i32):\n", text, indent, "  tile.yield ", v, "v, ", v, "k : ", t, ", i32\n", indent, "}"));
  return result;
}

/// Composes the maps x -> a * x + b: associative, and the order of the operands matters.
Value Generator::affine_combination() {
  Shape shape = random_shape();
  Combination c = combination(below(9), below(shape.size()), shape);
  Type type = random_integer();
  Value a = operand(type, shape), b = operand(type, shape);
  std::string n = "%" + fresh(), t = info(type).name;
  Value result;
  result.name = fresh();
  result.type = type;
  result.shape = c.shape;
  line(cat("%", result.name, "_a, %", result.name, " = ", c.op, " %", a.name, ", %", b.name, c.attributes, " : (",
           type_text(type, shape), ", ", type_text(type, shape), ") -> (", type_text(type, c.shape), ", ",
           type_text(type, c.shape), ") {\n", indent, "^bb0(", n, "a: ", t, ", ", n, "b: ", t, ", ", n, "c: ", t, ", ",
           n, "d: ", t, "):\n", indent, "  ", n, "p = arith.muli ", n, "a, ", n, "c : ", t, "\n", indent, "  ", n,
           "q = arith.muli ", n, "b, ", n, "c : ", t, "\n", indent, "  ", n, "r = arith.addi ", n, "q, ", n, "d : ", t,
           "\n", indent, "  tile.yield ", n, "p, ", n, "r : ", t, ", ", t, "\n", indent, "}"));
  return result;
}

Value Generator::boolean_reduction() {
  Shape shape = random_shape();
  Combination c = combination(below(9), below(shape.size()), shape);
  Value x = operand(Type::i1, shape);
  std::string op = one_of<std::string>({"arith.ori", "arith.andi", "arith.xori"});
  return emit(Type::i1, c.shape,
              cat(c.op, " %", x.name, c.attributes, " : (", type_text(Type::i1, shape), ") -> ",
                  type_text(Type::i1, c.shape), " ", combiner(op, Type::i1)));
}

std::string Generator::combine_f64(const Combination &c, const Shape &shape, const std::string &op,
                                   const std::string &of) {
  if (!bounds)
    return "";
  std::string name = cat("%b", next_bound++);
  line(cat(name, " = ", c.op, " ", of, c.attributes, " : (", type_text(Type::f64, shape), ") -> ",
           type_text(Type::f64, c.shape), " ", combiner(op, Type::f64)));
  return name;
}

/// The sign of a sum that is zero is unspecified, of -0 + 0 it is not.
Value Generator::without_sign_of_zero(const Value &x) {
  return with_facts(emit_op("arith.addf", x.type, x, number(x.type, x.shape, 0)), x);
}

/// The sum of a tame f32 or f64 tile: within (n - 1) * u * (sum of |x|); exact if all partial sums are integers that
/// the type holds.
Value Generator::sum(const Combination &c, const Value &x) {
  const Shape &shape = x.shape;
  Value result = emit(x.type, c.shape,
                      cat(c.op, " %", x.name, c.attributes, " : (", type_text(x.type, shape), ") -> ",
                          type_text(x.type, c.shape), " ", combiner("arith.addf", x.type)));
  result.magnitude = x.magnitude * double(c.length);
  result.tame = result.magnitude <= 1e6;
  result.integral = x.integral && x.exact;
  if (result.integral)
    return without_sign_of_zero(result);
  std::string inherited;
  if (bounds) {
    std::string e = bound_of(x),
                sizes = combine_f64(c, shape, "arith.addf", f64_op("arith.addf", shape, magnitude_of(x), e));
    double unit = std::ldexp(1.0, -info(x.type).precision);
    std::string rounding = f64_op("arith.mulf", c.shape, sizes, f64_constant(c.shape, double(c.length) * unit * 1.1));
    inherited = f64_op("arith.addf", c.shape, combine_f64(c, shape, "arith.addf", e), rounding);
  }
  set_bound(result, inherited);
  return result;
}

/// The largest elements of a tile, bounded or not.
Value Generator::largest(const Combination &c, const Value &x) {
  Value result = with_facts(emit(x.type, c.shape,
                                 cat(c.op, " %", x.name, c.attributes, " : (", type_text(x.type, x.shape), ") -> ",
                                     type_text(x.type, c.shape), " ", combiner("arith.maximumf", x.type))),
                            x);
  if (!x.exact && bounds) {
    std::string e = combine_f64(c, x.shape, "arith.maximumf", bound_of(x));
    line(cat("%", result.name, "_e = arith.addf ", e, ", ", f64_constant(c.shape, 0), " : ",
             type_text(Type::f64, c.shape)));
  }
  return result;
}

Value Generator::bounded_reduction() {
  Shape shape = random_shape();
  Combination c = combination(below(9), below(shape.size()), shape);
  Type narrow = random_float(), type = narrow == Type::f64 ? narrow : Type::f32;
  Value x = clamp(operand(narrow, shape, chance(30) ? Need::integral : Need::bounded), 100);
  if (chance(20))
    return largest(c, x);
  Value result = sum(c, convert(x, type));
  return result.integral ? result : convert(result, narrow);
}

/// a @ b + c of tame values: within (K + 1) * u * (|c| + sum of |a * b|); exact if all partial sums are integers that
/// the type holds.
Value Generator::multiply(const Value &a, const Value &b, const Value &c) {
  const Shape &a_shape = a.shape, &b_shape = b.shape, &c_shape = c.shape;
  Type type = c.type;
  std::int64_t k = b_shape[0];
  Value result = emit(type, c_shape,
                      cat("tile.dot %", a.name, ", %", b.name, ", %", c.name, " : ", type_text(a.type, a_shape), ", ",
                          type_text(b.type, b_shape), " -> ", type_text(type, c_shape)));
  if (!is_float(type))
    return result;
  result.magnitude = c.magnitude + double(k) * a.magnitude * b.magnitude;
  result.tame = result.magnitude <= 1e6;
  result.integral = a.integral && b.integral && c.integral && a.exact && b.exact && c.exact &&
                    result.magnitude <= std::ldexp(1.0, info(type).precision);
  if (result.integral)
    return without_sign_of_zero(result);
  std::string inherited;
  if (bounds) {
    auto product = [&](const std::string &x, const std::string &y, const std::string &z) {
      std::string name = cat("%b", next_bound++);
      line(cat(name, " = tile.dot ", x, ", ", y, ", ", z, " : ", type_text(Type::f64, a_shape), ", ",
               type_text(Type::f64, b_shape), " -> ", type_text(Type::f64, c_shape)));
      return name;
    };
    // |a| @ eb + ea @ (|b| + eb) + ec, and the rounding of everything.
    std::string size_a = magnitude_of(a), size_b = magnitude_of(b), ea = bound_of(a), eb = bound_of(b),
                ec = bound_of(c);
    std::string wide_b = f64_op("arith.addf", b_shape, size_b, eb), wide_a = f64_op("arith.addf", a_shape, size_a, ea);
    std::string moved = product(size_a, eb, product(ea, wide_b, ec));
    std::string sizes = product(wide_a, wide_b, f64_op("arith.addf", c_shape, magnitude_of(c), ec));
    double unit = std::ldexp(1.0, -info(type).precision);
    std::string rounding = f64_op("arith.mulf", c_shape, sizes, f64_constant(c_shape, double(k + 1) * unit * 1.1));
    rounding = f64_op("arith.addf", c_shape, rounding, f64_constant(c_shape, double(2 * k) * info(type).tiny));
    inherited = f64_op("arith.addf", c_shape, moved, rounding);
  }
  set_bound(result, inherited);
  return result;
}

Value Generator::dot() {
  auto dimension = [&] { return one_of<std::int64_t>({1, 2, 4, 8, 16, 16, 32}); };
  std::int64_t m = dimension(), k = dimension(), n = dimension();
  Type left = one_of<Type>(
      {Type::i8, Type::f16, Type::f16, Type::bf16, Type::f32, Type::f32, Type::f64, Type::f8E4M3FN, Type::f8E5M2});
  Type right = is_fp8(left) ? one_of<Type>({Type::f8E4M3FN, Type::f8E5M2}) : left;
  Type type = left == Type::i8 ? Type::i32 : left == Type::f64 ? left : Type::f32;
  Shape a_shape = {m, k}, b_shape = {k, n}, c_shape = {m, n};
  if (type == Type::i32) {
    Value a = operand(left, a_shape), b = operand(right, b_shape);
    return multiply(a, b, operand(type, c_shape));
  }
  Need need = chance(40) ? Need::integral : is_fp8(left) ? Need::tame : Need::bounded;
  auto tamed = [&](Type t, const Shape &shape) {
    Value x = operand(t, shape, need);
    return is_fp8(t) ? x : clamp(x, 30);
  };
  Value a = tamed(left, a_shape), b = tamed(right, b_shape);
  return multiply(a, b, clamp(operand(type, c_shape, need == Need::tame ? Need::bounded : need), 1000));
}

} // namespace kiln::fuzz
