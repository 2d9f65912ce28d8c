// Choices, text, and where operands come from.
#include "generator.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kiln::fuzz {

const TypeInfo &info(Type type) {
  static const TypeInfo infos[] = {{"i1", 1, 0, 0},           {"i8", 8, 0, 0},           {"i16", 16, 0, 0},
                                   {"i32", 32, 0, 0},         {"i64", 64, 0, 0},         {"f8E4M3FN", 8, 4, 0x1p-9},
                                   {"f8E5M2", 8, 3, 0x1p-16}, {"f16", 16, 11, 0x1p-24},  {"bf16", 16, 8, 0x1p-133},
                                   {"f32", 32, 24, 0x1p-149}, {"f64", 64, 53, 0x1p-1074}};
  return infos[int(type)];
}

std::int64_t count(const Shape &shape) {
  std::int64_t n = 1;
  for (std::int64_t size : shape)
    n *= size;
  return n;
}

static std::string shaped(const std::string &element, const Shape &shape) {
  if (shape.empty())
    return element;
  std::string text = "tensor<";
  for (std::int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

std::string type_text(Type type, const Shape &shape) { return shaped(info(type).name, shape); }
std::string pointer_text(Type type, const Shape &shape) {
  return shaped(cat("!tile.ptr<", info(type).name, ">"), shape);
}

std::string float_text(Type type, double value) {
  char text[64];
  if (std::isnan(value) || std::isinf(value)) { // only the bits can be written
    bool nan = std::isnan(value), negative = !nan && value < 0;
    switch (type) {
    case Type::f16:
      return nan ? "0x7e00" : negative ? "0xfc00" : "0x7c00";
    case Type::bf16:
      return nan ? "0x7fc0" : negative ? "0xff80" : "0x7f80";
    case Type::f32:
      return nan ? "0x7fc00000" : negative ? "0xff800000" : "0x7f800000";
    default:
      return nan ? "0x7ff8000000000000" : negative ? "0xfff0000000000000" : "0x7ff0000000000000";
    }
  }
  std::snprintf(text, sizeof(text), "%.17e", value);
  return text;
}

// ---- values

Value Generator::emit(Type type, const Shape &shape, const std::string &text) {
  Value value;
  value.name = fresh();
  value.type = type;
  value.shape = shape;
  line(cat("%", value.name, " = ", text));
  return value;
}

Value Generator::emit_op(const std::string &op, Type type, const Value &a) {
  return emit(type, a.shape, cat(op, " %", a.name, " : ", type_text(a.type, a.shape)));
}

Value Generator::emit_op(const std::string &op, Type type, const Value &a, const Value &b) {
  return emit(type, a.shape, cat(op, " %", a.name, ", %", b.name, " : ", type_text(a.type, a.shape)));
}

Value Generator::with_facts(Value value, const Value &model) {
  value.exact = model.exact;
  value.tame = model.tame;
  value.integral = model.integral;
  value.magnitude = model.magnitude;
  return value;
}

Value Generator::constant(Type type, const Shape &shape, const std::string &element) {
  if (shape.empty() && type == Type::i1)
    return emit(type, shape, cat("arith.constant ", element == "0" ? "false" : "true"));
  std::string literal = type == Type::i1 ? (element == "0" ? "false" : "true") : element;
  return emit(
      type, shape,
      cat("arith.constant ", shape.empty() ? literal : "dense<" + literal + ">", " : ", type_text(type, shape)));
}

/// A float constant that `type` holds exactly.
Value Generator::number(Type type, const Shape &shape, double value) {
  Value result = constant(type, shape, float_text(type, value));
  result.tame = std::isfinite(value);
  result.integral = result.tame && value == std::floor(value);
  result.magnitude = std::fabs(value);
  return result;
}

Value Generator::random_constant(Type type, const Shape &shape, Need need) {
  if (!is_float(type)) {
    int bits = info(type).bits;
    std::int64_t extreme = type == Type::i1 ? 1 : std::int64_t((std::uint64_t(1) << (bits - 1)) - 1);
    if (type == Type::i1)
      return integer(type, shape, std::int64_t(below(2)));
    switch (below(6)) {
    case 0:
      return integer(type, shape, -extreme - 1);
    case 1:
      return integer(type, shape, extreme);
    case 2:
      return integer(type, shape, -1);
    case 3:
      return integer(type, shape, 0);
    default:
      return integer(type, shape, std::int64_t(below(100)) - 50);
    }
  }
  if (need == Need::exact && !is_fp8(type) && chance(30))
    return number(type, shape, one_of<double>({NAN, INFINITY, -INFINITY, -0.0}));
  if (need == Need::integral || chance(30))
    return number(type, shape, double(below(9)) - 4);
  return number(type, shape,
                (double(below(17)) - 8) / 8); // four bits hold it, so every type does, fp8 with 3 by way of halves
}

/// A new value that depends on nothing computed so far.
Value Generator::leaf(Type type, const Shape &shape, Need need) {
  if (is_fp8(type)) // constants of fp8 would need literals of three bits
    return load_input(type, shape, need == Need::exact ? Contents::any_bits : Contents::small_integers);
  int choice = int(below(10));
  if (choice < 2)
    return random_constant(type, shape, need);
  if (choice < 4 && !is_float(type) && type != Type::i1 && !shape.empty()) {
    std::int64_t n = count(shape), start = std::int64_t(below(64)) - 32;
    Value range = emit(Type::i32, {n}, cat("tile.arange ", start, " to ", start + n, " : ", type_text(Type::i32, {n})));
    return convert(spread(range, shape), type);
  }
  switch (need) {
  case Need::exact:
    return load_input(type, shape, is_float(type) && chance(60) ? Contents::tame : Contents::any_bits);
  case Need::integral:
    return load_input(type, shape, Contents::small_integers);
  default:
    return load_input(type, shape, chance(30) ? Contents::small_integers : Contents::tame);
  }
}

/// `x` under another shape by one operation of the dialect; its bound with it.
Value Generator::reshaped(const std::string &op, const Value &x, const Shape &shape, const std::string &attribute) {
  auto text = [&](const std::string &name, Type type) {
    return cat(op, " %", name, attribute, " : ", type_text(type, x.shape), " -> ", type_text(type, shape));
  };
  Value result = with_facts(emit(x.type, shape, text(x.name, x.type)), x);
  if (!x.exact)
    bound_line(cat("%", result.name, "_e = ", text(x.name + "_e", Type::f64)));
  return result;
}

/// A tile of rank 1 as a tile of rank 2: one element for each row, or for each column.
Value Generator::column(const Value &x, const Shape &shape) {
  Value result = reshaped("tile.expand_dims", x, {shape[0], 1}, " axis 1");
  return result.shape == shape ? result : reshaped("tile.broadcast", result, shape);
}

Value Generator::row(const Value &x, const Shape &shape) {
  Value result = reshaped("tile.expand_dims", x, {1, shape[1]}, " axis 0");
  return result.shape == shape ? result : reshaped("tile.broadcast", result, shape);
}

/// `value`, a scalar or a tile of fewer dimensions or of as many elements, in another shape.
Value Generator::spread(const Value &value, const Shape &shape) {
  if (value.shape == shape)
    return value;
  if (value.shape.empty())
    return reshaped("tile.splat", value, shape);
  if (count(value.shape) == count(shape))
    return reshaped("tile.reshape", value, shape);
  return shape[0] == value.shape[0] ? column(value, shape) : row(value, shape);
}

static bool satisfies(const Value &value, Need need) {
  switch (need) {
  case Need::exact:
    return value.exact;
  case Need::tame:
    return value.exact && value.tame;
  case Need::integral:
    return value.exact && value.integral;
  case Need::bounded:
    return value.tame;
  }
  return false;
}

static bool can_spread(const Shape &from, const Shape &to) {
  if (from == to || from.empty() || count(from) == count(to))
    return !(to.empty() && !from.empty());
  return from.size() == 1 && to.size() == 2 && (from[0] == to[0] || from[0] == to[1]);
}

/// A value of this type and shape: mostly one computed before, the more recent the likelier.
Value Generator::operand(Type type, const Shape &shape, Need need) {
  std::vector<const Value *> candidates;
  for (const Value &value : pool)
    if (value.type == type && satisfies(value, need) && can_spread(value.shape, shape))
      candidates.push_back(&value);
  if (candidates.empty() || chance(12))
    return leaf(type, shape, need);
  std::size_t pick = std::max(below(candidates.size()), below(candidates.size()));
  return spread(Value(*candidates[pick]), shape);
}

/// Any exact value; a new one if there is none.
Value Generator::any_exact(bool floats_too) {
  std::vector<const Value *> candidates;
  for (const Value &value : pool)
    if (value.exact && (floats_too || !is_float(value.type)))
      candidates.push_back(&value);
  if (candidates.empty() || chance(10))
    return leaf(floats_too && chance(50) ? random_float() : random_integer(), random_shape(), Need::exact);
  return *candidates[below(candidates.size())];
}

Shape Generator::random_shape() {
  // Mostly shapes that occur already, so that values meet.
  std::vector<Shape> known;
  for (const Value &value : pool)
    if (!value.shape.empty())
      known.push_back(value.shape);
  if (!known.empty() && chance(75))
    return one_of(known);
  static const std::vector<Shape> shapes = {{1},    {2},      {8},     {16},     {32},     {64},    {128},
                                            {1, 8}, {8, 1},   {4, 4},  {2, 8},   {8, 2},   {16, 4}, {4, 32},
                                            {8, 8}, {16, 16}, {2, 64}, {32, 16}, {2, 4, 8}};
  return one_of(shapes);
}

// ---- statements

std::vector<Value> Generator::random_statement() {
  std::uint64_t choice = below(depth < 2 ? 112 : 102);
  struct {
    std::uint64_t weight;
    Value (Generator::*make)();
  } const kinds[] = {
      {14, &Generator::integer_binary},
      {3, &Generator::integer_unary},
      {5, &Generator::compare},
      {5, &Generator::select},
      {10, &Generator::float_binary},
      {5, &Generator::float_unary},
      {9, &Generator::conversion},
      {2, &Generator::bitcast},
      {6, &Generator::reshape},
      {5, &Generator::exact_reduction},
      {2, &Generator::argument_reduction},
      {2, &Generator::affine_combination},
      {2, &Generator::boolean_reduction},
      {4, &Generator::bounded_reduction},
      {3, &Generator::dot},
      {4, &Generator::math_function},
      {2, &Generator::math_of_anything},
      {6, &Generator::bounded_arithmetic},
      {4, &Generator::gather},
      {2, &Generator::store_and_load},
      {2, &Generator::atomic},
      {3, &Generator::strided_load},
      {2, &Generator::attention},
  };
  for (auto &kind : kinds) {
    if (choice < kind.weight)
      return {(this->*kind.make)()};
    choice -= kind.weight;
  }
  return choice < 5 ? for_loop() : choice < 8 ? branch() : while_loop();
}

void Generator::statement() {
  int index = next_statement++;
  std::size_t start = body.size();
  std::vector<Value> results = random_statement();
  if (off.count(index)) {
    // Everything the statement did disappears; what uses its results finds constants.
    body.resize(start);
    for (const Value &value : results) {
      std::string zero = is_float(value.type) ? "0.0" : value.type == Type::i1 ? "false" : "0";
      line(cat("%", value.name, " = arith.constant ", value.shape.empty() ? zero : "dense<" + zero + ">",
               value.shape.empty() && value.type == Type::i1 ? "" : " : " + type_text(value.type, value.shape)));
      if (!value.exact)
        bound_line(cat("%", value.name, "_e = arith.constant ", value.shape.empty() ? "0.0" : "dense<0.0>", " : ",
                       type_text(Type::f64, value.shape)));
    }
  }
  for (Value &value : results) {
    bool store = chance(depth ? 25 : 60);
    if (store && !off.count(index))
      store_result(value);
    else if (store) { // draw the same random numbers
      std::size_t before = body.size();
      store_result(value);
      body.resize(before);
    }
    pool.push_back(value);
  }
}

Program Generator::run() {
  program.grid = {std::uint32_t(1 + below(3)), std::uint32_t(1 + below(2)), 1};
  for (int i = 0; i < 2; ++i)
    program.scalars.push_back(std::int32_t(chance(50) ? below(9) : random()));
  line("%pid0 = tile.program_id 0 : i32");
  line("%pid1 = tile.program_id 1 : i32");
  line("%num0 = tile.num_programs 0 : i32");
  line("%pidrow = arith.muli %pid1, %num0 : i32");
  line("%pid = arith.addi %pidrow, %pid0 : i32");
  for (const char *name : {"pid", "pid0", "n0", "n1"}) {
    Value value;
    value.name = name;
    pool.push_back(value);
  }
  int statements = 5 + int(below(20));
  for (int i = 0; i < statements; ++i)
    statement();
  program.statements = next_statement;
  program.buffers.insert(program.buffers.end(), bound_buffers.begin(), bound_buffers.end());
  std::string parameters;
  for (const Buffer &buffer : program.buffers) {
    const char *facts = buffer.is_input && buffer.is_aligned ? " {tile.divisibility = 16 : i64, tile.readonly}"
                        : buffer.is_input                    ? " {tile.readonly}"
                        : buffer.is_aligned                  ? " {tile.divisibility = 16 : i64}"
                                                             : "";
    parameters += cat("%", buffer.name, ": ", pointer_text(buffer.type, {}), facts, ", ");
  }
  program.text =
      cat("func.func @k(", parameters, "%n0: i32, %n1: i32) attributes {tile.kernel} {\n", body, "  return\n}\n");
  return program;
}

Program generate(std::uint64_t seed, bool bounds, const std::set<int> &off) {
  return Generator(seed, bounds, off).run();
}

} // namespace kiln::fuzz
