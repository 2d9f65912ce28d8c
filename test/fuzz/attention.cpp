// One statement shaped like the decode step of paged attention: rows gathered through a table of pages in a loop,
// masked tails, an online softmax, dots that accumulate. Lowerings have special ways for this shape.
#include "generator.h"

#include <cmath>

namespace kiln::fuzz {

/// Rows of a cache at `offsets`, one for each row of `shape`. Masked rows may lie anywhere.
Value Generator::load_rows(const Buffer &cache, const Value &offsets, const Value &mask, const Shape &shape) {
  Value range =
      emit(Type::i32, {shape[1]}, cat("tile.arange 0 to ", shape[1], " : ", type_text(Type::i32, {shape[1]})));
  std::string pointer;
  if (chance(50)) {
    pointer = pointers(cache, shape, emit_op("arith.addi", Type::i32, column(offsets, shape), row(range, shape)).name);
  } else { // pointers to the rows first, then along them
    std::string rows = pointers(cache, {shape[0]}, offsets.name), expanded = fresh(), wide = fresh();
    pointer = fresh();
    line(cat("%", expanded, " = tile.expand_dims %", rows, " axis 1 : ", pointer_text(cache.type, {shape[0]}), " -> ",
             pointer_text(cache.type, {shape[0], 1})));
    line(cat("%", wide, " = tile.broadcast %", expanded, " : ", pointer_text(cache.type, {shape[0], 1}), " -> ",
             pointer_text(cache.type, shape)));
    line(cat("%", pointer, " = tile.addptr %", wide, ", %", row(range, shape).name, " : ",
             pointer_text(cache.type, shape), ", ", type_text(Type::i32, shape)));
  }
  Value result = emit(cache.type, shape,
                      cat("tile.load %", pointer, " mask %", column(mask, shape).name, " : ",
                          pointer_text(cache.type, shape), " -> ", type_text(cache.type, shape)));
  result.tame = true;
  result.magnitude = 4;
  return result;
}

Value Generator::attention() {
  Type type = one_of<Type>({Type::f16, Type::f16, Type::bf16, Type::f32});
  std::int64_t rows = one_of<std::int64_t>({1, 2, 4, 8, 16}), block = one_of<std::int64_t>({4, 8, 16, 32}),
               dim = one_of<std::int64_t>({4, 8, 16, 32}), page = one_of<std::int64_t>({1, 2, 3, 4, 8, 16});
  constexpr std::int64_t longest = 63;
  Buffer table = new_buffer("table", Type::i32, (longest + page - 1) / page, Contents::page_numbers, true);
  Buffer keys = new_buffer("keys", type, 8 * page * dim, Contents::tame, true),
         values = new_buffer("values", type, 8 * page * dim, Contents::tame, true);
  auto integer_op = [&](const std::string &op, const Value &x, std::int64_t y) {
    return emit_op(op, Type::i32, x, integer(Type::i32, x.shape, y));
  };
  Value length = integer_op("arith.andi", operand(Type::i32, {}), longest), zero = integer(Type::i32, {}, 0),
        step = integer(Type::i32, {}, block);
  Value query = clamp(operand(type, {rows, dim}, Need::tame), 4);

  // Carried: the running maximum, the sum, and the weighted sum of values.
  struct {
    Shape shape;
    double initial, magnitude;
  } const kinds[3] = {{{rows}, -INFINITY, 1000}, {{rows}, 0, 64}, {{rows, dim}, 0, 256}};
  std::vector<Value> state;
  std::string init_text;
  for (auto &kind : kinds) {
    Value initial = number(Type::f32, kind.shape, kind.initial);
    Value argument = initial;
    argument.name = fresh();
    argument.exact = argument.integral = false;
    argument.tame = true;
    argument.magnitude = kind.magnitude;
    state.push_back(argument);
    init_text += cat(init_text.empty() ? "%" : ", %", argument.name, " = %", initial.name);
    if (bounds)
      init_text += cat(", %", argument.name, "_e = ", f64_constant(kind.shape, 0));
  }
  std::vector<Value> results = results_like(state);
  Lists names, yields;
  for (const Value &result : results)
    names.add(result, bounds);
  std::string counter = fresh(), outer_indent = indent;
  line(cat(names.names, " = scf.for %", counter, " = %", zero.name, " to %", length.name, " step %", step.name,
           " iter_args(", init_text, ") -> (", names.types, ") : i32 {"));
  indent += "  ";

  Value start;
  start.name = counter;
  Value lane = emit(Type::i32, {block}, cat("tile.arange 0 to ", block, " : ", type_text(Type::i32, {block})));
  Value token = emit_op("arith.addi", Type::i32, spread(start, {block}), lane);
  Value live = emit_op("arith.cmpi slt,", Type::i1, token, spread(length, {block}));
  std::string entries = pointers(table, {block}, integer_op("arith.divsi", token, page).name);
  Value physical = emit(Type::i32, {block},
                        cat("tile.load %", entries, " mask %", live.name, " : ", pointer_text(Type::i32, {block}),
                            " -> ", type_text(Type::i32, {block})));
  Value page_offset = integer_op("arith.muli", physical, page * dim),
        token_offset = integer_op("arith.muli", integer_op("arith.remsi", token, page), dim);
  Value offsets = emit_op("arith.addi", Type::i32, page_offset, token_offset);
  Shape tile = {block, dim}, score_shape = {rows, block};
  Value key = reshaped("tile.trans", load_rows(keys, offsets, live, tile), {dim, block}, " [1, 0]");
  Value scores = multiply(query, key, number(Type::f32, score_shape, 0));
  scores = arithmetic("arith.mulf", scores, number(Type::f32, score_shape, 0.0625));
  Value masked = choose(row(live, score_shape), scores, number(Type::f32, score_shape, -INFINITY));
  masked.tame = true;

  Value highest = state[0], total = state[1], accumulated = state[2];
  Value new_highest = arithmetic("arith.maximumf", highest, largest(combination(0, 1, score_shape), masked));
  Value rescale = call("exp2", arithmetic("arith.subf", highest, new_highest));
  Value weights = call("exp2", arithmetic("arith.subf", masked, column(new_highest, score_shape)));
  rescale.magnitude = weights.magnitude = 1;
  Value kept = arithmetic("arith.mulf", total, rescale);
  Value new_total = arithmetic("arith.addf", kept, sum(combination(0, 1, score_shape), weights));
  Value rescaled = arithmetic("arith.mulf", accumulated, column(rescale, {rows, dim}));
  Value value = load_rows(values, offsets, live, tile);
  Value new_accumulated = multiply(convert(weights, type), value, rescaled);
  for (const Value &next : {new_highest, new_total, new_accumulated})
    yields.add(next, bounds);
  line(cat("scf.yield ", yields.names, " : ", yields.types));
  indent = outer_indent;
  end_for_loop();
  store_result(results[0]);
  store_result(results[1]);
  return results[2];
}

} // namespace kiln::fuzz
