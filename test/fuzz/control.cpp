// Loops and branches with values that they carry.
#include "generator.h"

#include <algorithm>

namespace kiln::fuzz {

void Lists::add(const std::string &name, const std::string &type) {
  names += cat(names.empty() ? "%" : ", %", name);
  types += cat(types.empty() ? "" : ", ", type);
}

void Lists::add(const Value &value, bool bounds) {
  add(value.name, type_text(value.type, value.shape));
  if (bounds && !value.exact)
    add(value.name + "_e", type_text(Type::f64, value.shape));
}

/// Some statements inside a region.
void Generator::block_statements(int n) {
  for (int i = 0; i < n; ++i)
    statement();
}

/// What a loop carries at first: integers and floats of any kind, or one bounded accumulator.
std::vector<Value> Generator::initial_values() {
  std::vector<Value> values;
  for (std::uint64_t i = 0, n = below(4); i < n; ++i) {
    if (chance(25)) {
      Shape shape = random_shape();
      Value sum = clamp(operand(Type::f32, shape, Need::bounded), 100);
      if (sum.exact) { // its successor will not be
        Value copy = emit_op("arith.mulf", Type::f32, sum, number(Type::f32, shape, 1));
        copy.tame = true;
        copy.magnitude = 100;
        set_bound(copy, "");
        sum = copy;
      }
      values.push_back(sum);
    } else {
      values.push_back(any_exact());
    }
  }
  return values;
}

/// A name inside the loop for each carried value. What is known of the first one holds for all only if the loop keeps
/// it.
std::vector<Value> Generator::carried(const std::vector<Value> &values) {
  std::vector<Value> result;
  for (const Value &value : values) {
    Value argument = value;
    argument.name = fresh();
    argument.integral = false;
    argument.tame = !value.exact;
    argument.magnitude = value.exact ? 0 : 100;
    result.push_back(argument);
  }
  return result;
}

/// The values of the next iteration: each from its own or from another of the same kind.
std::vector<Value> Generator::next_values(const std::vector<Value> &arguments) {
  std::vector<Value> result;
  for (const Value &argument : arguments) {
    Type type = argument.type;
    const Shape &shape = argument.shape;
    if (!argument.exact) {
      // sum * c + x, kept in the range that was assumed of the argument
      Value x = clamp(operand(type, shape, Need::bounded), 30),
            c = number(type, shape, one_of<double>({0.5, 1.0, -0.75}));
      Value scaled = with_facts(emit_op("arith.mulf", type, argument, c), argument);
      set_bound(scaled, bound_of(argument));
      Value sum = with_facts(emit_op("arith.addf", type, scaled, x), argument);
      sum.magnitude += 30;
      set_bound(sum, bounds ? f64_op("arith.addf", shape, bound_of(scaled), bound_of(x)) : "");
      result.push_back(clamp(sum, 100));
      continue;
    }
    Value x = operand(type, shape);
    if (is_fp8(type) || chance(25))
      result.push_back(x); // also: another carried value, so that they swap
    else if (is_float(type))
      result.push_back(emit_op(one_of<std::string>({"arith.addf", "arith.maximumf", "arith.subf"}), type, argument, x));
    else if (type == Type::i1)
      result.push_back(emit_op("arith.xori", type, argument, x));
    else
      result.push_back(
          emit_op(one_of<std::string>({"arith.addi", "arith.muli", "arith.xori", "arith.maxsi"}), type, argument, x));
  }
  return result;
}

/// The results of a region operation: like the values it yields, under new names.
std::vector<Value> Generator::results_like(const std::vector<Value> &values) {
  std::vector<Value> result = values;
  for (Value &value : result)
    value.name = fresh();
  return result;
}

/// Ends a loop, of which a GPU may have up to four iterations under way.
void Generator::end_for_loop() {
  std::uint64_t stages = chance(50) ? 2 + below(3) : 1;
  line(stages == 1 ? "}" : cat("} {tile.num_stages = ", stages, " : i32}"));
}

std::vector<Value> Generator::for_loop() {
  std::vector<Value> initial = initial_values();
  Type type = chance(80) ? Type::i32 : Type::i64;
  Value low = integer(type, {}, std::int64_t(below(5)) - 2), step = integer(type, {}, 1 + std::int64_t(below(3)));
  Value length = integer(type, {}, std::int64_t(below(6)));
  if (chance(60)) // known only when it runs
    length = convert(emit_op("arith.andi", Type::i32, operand(Type::i32, {}), integer(Type::i32, {}, 3)), type);
  Value high = emit_op("arith.addi", type, low, length);
  std::vector<Value> arguments = carried(initial);
  std::size_t start = body.size(), outer = pool.size();
  std::string counter = fresh(), outer_indent = indent;
  indent += "  ";
  ++depth;
  Value index;
  index.name = counter;
  index.type = type;
  pool.push_back(index);
  pool.insert(pool.end(), arguments.begin(), arguments.end());
  block_statements(1 + int(below(4)));
  std::vector<Value> next = next_values(arguments);
  --depth;
  pool.resize(outer);
  indent = outer_indent;
  std::string inside = body.substr(start);
  body.resize(start);

  std::vector<Value> results = results_like(arguments);
  Lists names, yields;
  std::string inits;
  for (std::size_t i = 0; i < results.size(); ++i) {
    names.add(results[i], bounds);
    yields.add(next[i], bounds);
    inits += cat(inits.empty() ? "%" : ", %", arguments[i].name, " = %", initial[i].name);
    if (bounds && !arguments[i].exact)
      inits += cat(", %", arguments[i].name, "_e = %", initial[i].name, "_e");
  }
  std::string head = cat("scf.for %", counter, " = %", low.name, " to %", high.name, " step %", step.name);
  if (results.empty()) {
    line(cat(head, " : ", info(type).name, " {"));
  } else {
    line(cat(names.names, " = ", head, " iter_args(", inits, ") -> (", names.types, ") : ", info(type).name, " {"));
    inside += cat(indent, "  scf.yield ", yields.names, " : ", yields.types, "\n");
  }
  body += inside;
  end_for_loop();
  return results;
}

std::vector<Value> Generator::while_loop() {
  std::vector<Value> initial = initial_values();
  Value zero = integer(Type::i32, {}, 0);
  initial.insert(initial.begin(), zero);
  Value limit = emit_op("arith.andi", Type::i32, operand(Type::i32, {}), integer(Type::i32, {}, 3));
  std::vector<Value> before = carried(initial), after = carried(initial);
  std::string outer_indent = indent;
  std::size_t outer = pool.size(), start = body.size();
  indent += "  ";
  ++depth;
  // The condition: fewer rounds than the limit, and perhaps something computed.
  pool.insert(pool.end(), before.begin(), before.end());
  Value go_on = emit_op("arith.cmpi slt,", Type::i1, before[0], limit);
  if (chance(50))
    go_on = emit_op("arith.andi", Type::i1, go_on, operand(Type::i1, {}));
  // What it forwards is what it was given, or, of integers, something computed.
  std::vector<Value> passed = before;
  for (std::size_t i = 1; i < passed.size(); ++i)
    if (!is_float(passed[i].type) && chance(30))
      passed[i] = emit_op(passed[i].type == Type::i1 ? "arith.xori" : "arith.addi", passed[i].type, passed[i],
                          operand(passed[i].type, passed[i].shape));
  pool.resize(outer);
  Lists forwarded, names, yields;
  for (const Value &value : passed)
    forwarded.add(value, bounds);
  line(cat("scf.condition(%", go_on.name, ") ", forwarded.names, " : ", forwarded.types));
  std::string condition = body.substr(start);
  body.resize(start);
  // The body.
  pool.insert(pool.end(), after.begin(), after.end());
  block_statements(1 + int(below(3)));
  std::vector<Value> next = next_values({after.begin() + 1, after.end()});
  next.insert(next.begin(), emit_op("arith.addi", Type::i32, after[0], integer(Type::i32, {}, 1)));
  for (const Value &value : next)
    yields.add(value, bounds);
  line(cat("scf.yield ", yields.names, " : ", yields.types));
  --depth;
  pool.resize(outer);
  indent = outer_indent;
  std::string inside = body.substr(start);
  body.resize(start);

  std::vector<Value> results = results_like(before);
  std::string inits, block_arguments;
  for (std::size_t i = 0; i < results.size(); ++i) {
    names.add(results[i], bounds);
    auto also = [&](const std::string &suffix, const std::string &type) {
      inits += cat(inits.empty() ? "%" : ", %", before[i].name, suffix, " = %", initial[i].name, suffix);
      block_arguments += cat(block_arguments.empty() ? "%" : ", %", after[i].name, suffix, ": ", type);
    };
    also("", type_text(before[i].type, before[i].shape));
    if (bounds && !before[i].exact)
      also("_e", type_text(Type::f64, before[i].shape));
  }
  line(cat(names.names, " = scf.while (", inits, ") : (", names.types, ") -> (", names.types, ") {"));
  body += condition;
  line("} do {");
  line(cat("^bb0(", block_arguments, "):"));
  body += inside;
  line("}");
  return results;
}

std::vector<Value> Generator::branch() {
  Value condition = operand(Type::i1, {});
  std::vector<std::pair<Type, Shape>> kinds;
  for (std::uint64_t i = 0, n = below(4); i < n; ++i) {
    Value model = any_exact();
    kinds.emplace_back(model.type, model.shape);
  }
  std::string outer_indent = indent;
  std::size_t outer = pool.size(), start = body.size();
  std::vector<Value> sides[2];
  std::string texts[2];
  ++depth;
  indent += "  ";
  for (int side = 0; side < 2; ++side) {
    block_statements(int(below(3)) + (kinds.empty() ? 1 : 0));
    for (auto &[type, shape] : kinds)
      sides[side].push_back(operand(type, shape, type == Type::f32 ? Need::bounded : Need::exact));
    pool.resize(outer);
    texts[side] = body.substr(start);
    body.resize(start);
  }
  // A result is bounded if one of its values is; the other's bound is zero then.
  std::vector<Value> results = results_like(sides[0]);
  Lists names, yields[2];
  for (std::size_t i = 0; i < results.size(); ++i) {
    Value &a = sides[0][i], &b = sides[1][i], &result = results[i];
    result.exact = a.exact && b.exact;
    result.tame = a.tame && b.tame;
    result.integral = a.integral && b.integral;
    result.magnitude = std::max(a.magnitude, b.magnitude);
    names.add(result, bounds);
    for (int side = 0; side < 2; ++side) {
      const Value &value = sides[side][i];
      yields[side].add(value.name, type_text(value.type, value.shape));
      if (result.exact || !bounds)
        continue;
      std::string bound = bound_of(value); // emits a zero for an exact value, here at the end of this side
      texts[side] += body.substr(start);
      body.resize(start);
      yields[side].add(bound.substr(1), type_text(Type::f64, value.shape));
    }
  }
  --depth;
  indent = outer_indent;
  line(cat(results.empty() ? "" : names.names + " = ", "scf.if %", condition.name,
           results.empty() ? "" : " -> (" + names.types + ")", " {"));
  for (int side = 0; side < 2; ++side) {
    body += texts[side];
    if (!results.empty())
      line(cat("  scf.yield ", yields[side].names, " : ", yields[side].types));
    line(side == 0 ? "} else {" : "}");
  }
  return results;
}

} // namespace kiln::fuzz
