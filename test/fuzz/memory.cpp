// Loads, gathers, stores, atomics. Each program of the grid has its own part of what is written, so that the order of
// programs does not matter; only commutative atomics meet.
#include "generator.h"

#include <cmath>

namespace kiln::fuzz {

Buffer &Generator::new_buffer(const std::string &prefix, Type type, std::int64_t elements, Contents contents,
                              bool is_input) {
  // Memory ends where a page does: whole multiples of 16 begin at one.
  bool is_aligned = chance(70) && elements * bytes(type) % 16 == 0;
  program.buffers.push_back({cat(prefix, program.buffers.size()), type, elements, contents, is_input, is_aligned, ""});
  return program.buffers.back();
}

/// The row-major number of each element of a tile.
std::string Generator::offsets(const Shape &shape) {
  std::int64_t n = count(shape);
  auto range = [&](std::int64_t size) {
    return emit(Type::i32, {size}, cat("tile.arange 0 to ", size, " : ", type_text(Type::i32, {size})));
  };
  if (shape.size() != 2 || chance(40))
    return spread(range(n), shape).name;
  // As kernels write it: a column of row numbers times the stride, plus a row of column numbers.
  Value rows = emit_op("arith.muli", Type::i32, range(shape[0]), integer(Type::i32, {shape[0]}, shape[1]));
  Value columns = range(shape[1]);
  return emit_op("arith.addi", Type::i32, column(rows, shape), row(columns, shape)).name;
}

/// Pointers into a buffer at `offsets`, the name of a value of shape `shape`.
std::string Generator::pointers(const Buffer &buffer, const Shape &shape, const std::string &offsets,
                                Type offset_type) {
  std::string base = buffer.name, scalar = pointer_text(buffer.type, {}), tile = pointer_text(buffer.type, shape);
  if (!shape.empty()) {
    std::string splat = fresh();
    line(cat("%", splat, " = tile.splat %", base, " : ", scalar, " -> ", tile));
    base = splat;
  }
  std::string name = fresh();
  line(cat("%", name, " = tile.addptr %", base, ", %", offsets, " : ", tile, ", ", type_text(offset_type, shape)));
  return name;
}

static Value described(Value value, Contents contents) {
  value.tame = is_float(value.type) && contents != Contents::any_bits;
  value.integral = is_float(value.type) && (contents == Contents::small_integers || contents == Contents::zeros);
  value.magnitude = value.tame ? 4 : 0;
  return value;
}

/// Loads a new input buffer, the same part in all programs. Where the load is masked the buffer ends with the mask, and
/// what lies behind it must not be touched.
Value Generator::load_input(Type type, const Shape &shape, Contents contents) {
  std::int64_t n = count(shape), present = n;
  bool masked = !shape.empty() && chance(40);
  if (masked)
    present = 1 + std::int64_t(below(std::uint64_t(n)));
  Buffer buffer = new_buffer("in", type, present, contents, true);
  if (shape.empty())
    return described(
        emit(type, shape, cat("tile.load %", buffer.name, " : ", pointer_text(type, {}), " -> ", type_text(type, {}))),
        contents);
  std::string index = offsets(shape), pointer = pointers(buffer, shape, index);
  if (!masked)
    return described(
        emit(type, shape,
             cat("tile.load %", pointer, " : ", pointer_text(type, shape), " -> ", type_text(type, shape))),
        contents);
  Value mask = emit(Type::i1, shape,
                    cat("arith.cmpi slt, %", index, ", %", integer(Type::i32, shape, present).name, " : ",
                        type_text(Type::i32, shape)));
  std::string other;
  if (!is_fp8(type) && chance(60)) {
    Value value = contents == Contents::any_bits ? random_constant(type, shape, Need::exact)
                  : is_float(type)               ? number(type, shape, double(below(9)) - 4)
                                                 : integer(type, shape, std::int64_t(below(2)));
    other = cat(" other %", value.name);
  }
  return described(emit(type, shape,
                        cat("tile.load %", pointer, " mask %", mask.name, other, " : ", pointer_text(type, shape),
                            " -> ", type_text(type, shape))),
                   contents);
}

/// Reads rows whose distance is known only when the program runs, as most kernels do; masked by a limit on rows or
/// columns.
Value Generator::strided_load() {
  Type type = one_of<Type>({Type::i8, Type::i32, Type::f16, Type::bf16, Type::f32, Type::f64});
  Shape shape = {one_of<std::int64_t>({1, 2, 4, 8, 16}), one_of<std::int64_t>({1, 4, 8, 16, 32})};
  std::int64_t rows = shape[0], columns = shape[1];
  // A stride of at least 32, a multiple of 8: n0 & 24 | 32.
  Value stride = emit_op("arith.ori", Type::i32,
                         emit_op("arith.andi", Type::i32, operand(Type::i32, {}), integer(Type::i32, {}, 24)),
                         integer(Type::i32, {}, 32));
  Contents contents = is_float(type) ? Contents::tame : Contents::any_bits;
  Buffer buffer = new_buffer("rows", type, rows * 56, contents, true);
  auto range = [&](std::int64_t n) {
    return emit(Type::i32, {n}, cat("tile.arange 0 to ", n, " : ", type_text(Type::i32, {n})));
  };
  Value r = range(rows), c = range(columns);
  if (chance(50))
    stride = emit(Type::i32, {}, cat("tile.assume %", stride.name, " divisible_by 8 : i32"));
  Value offset = emit_op("arith.addi", Type::i32,
                         column(emit_op("arith.muli", Type::i32, r, spread(stride, {rows})), shape), row(c, shape));
  std::string pointer = pointers(buffer, shape, offset.name), mask;
  if (chance(70)) {
    bool by_row = chance(50);
    const Value &index = by_row ? r : c;
    Value limit = chance(50) ? integer(Type::i32, {}, std::int64_t(below(40))) : operand(Type::i32, {});
    Value inside = emit_op("arith.cmpi slt,", Type::i1, index, spread(limit, index.shape));
    mask = cat(" mask %", (by_row ? column(inside, shape) : row(inside, shape)).name);
  }
  return described(
      emit(type, shape,
           cat("tile.load %", pointer, mask, " : ", pointer_text(type, shape), " -> ", type_text(type, shape))),
      contents);
}

/// Reads a table at computed indices: wrapped into it, or masked where they lie outside.
Value Generator::gather() {
  Type type = chance(50) ? random_integer()
                         : one_of<Type>({Type::i1, Type::f8E4M3FN, Type::f16, Type::bf16, Type::f32, Type::f64});
  Shape shape = chance(15) ? Shape{} : random_shape();
  std::int64_t size = one_of<std::int64_t>({1, 4, 16, 64, 256});
  Contents contents = chance(50) && is_float(type) ? Contents::tame : Contents::any_bits;
  Value index = operand(Type::i32, shape);
  bool masked = chance(50);
  std::string mask;
  Buffer table = new_buffer("table", type, masked ? size - size / 4 : size, contents, true);
  if (masked) {
    Value inside = emit_op("arith.cmpi ult,", Type::i1, index, integer(Type::i32, shape, table.elements));
    mask = cat(" mask %", inside.name);
  } else {
    index = emit_op("arith.andi", Type::i32, index, integer(Type::i32, shape, size - 1));
  }
  if (chance(30))
    index = convert(index, Type::i64);
  std::string pointer = pointers(table, shape, index.name, index.type);
  return described(
      emit(type, shape,
           cat("tile.load %", pointer, mask, " : ", pointer_text(type, shape), " -> ", type_text(type, shape))),
      contents);
}

static std::int64_t programs(const Program &program) { return std::int64_t(program.grid[0]) * program.grid[1]; }

/// Stores a tile, perhaps overwrites some of it, and loads it back in another order: accesses of a program happen in
/// program order.
Value Generator::store_and_load() {
  Value x = any_exact(), y = operand(x.type, x.shape);
  const Shape &shape = x.shape;
  std::int64_t n = count(shape);
  Buffer buffer = new_buffer("tmp", x.type, n * programs(program), Contents::zeros, false);
  Value base = emit_op("arith.muli", Type::i32, pool.front(),
                       integer(Type::i32, {}, n)); // the first value of the pool is the program's number
  auto at = [&](std::int64_t flip) {
    Value own = spread(base, shape), index;
    if (shape.empty())
      return pointers(buffer, shape, own.name);
    index.name = offsets(shape);
    index.shape = shape;
    if (flip)
      index = emit_op("arith.xori", Type::i32, index, integer(Type::i32, shape, flip));
    return pointers(buffer, shape, emit_op("arith.addi", Type::i32, own, index).name);
  };
  line(cat("tile.store %", at(0), ", %", x.name, " : ", pointer_text(x.type, shape)));
  if (chance(60)) {
    Value mask = operand(Type::i1, shape);
    line(cat("tile.store %", at(std::int64_t(below(std::uint64_t(n)))), ", %", y.name, " mask %", mask.name, " : ",
             pointer_text(x.type, shape)));
  }
  std::string back = at(std::int64_t(below(std::uint64_t(n))));
  return emit(x.type, shape,
              cat("tile.load %", back, " : ", pointer_text(x.type, shape), " -> ", type_text(x.type, shape)));
}

/// Atomics on elements of this program's own, whose old values are known, or on one element that all lanes of all
/// programs share, whose final value is.
Value Generator::atomic() {
  Shape shape = chance(30) ? Shape{} : random_shape();
  std::int64_t n = count(shape);
  bool shared = chance(50), is_fadd = chance(20);
  Type type = chance(70) ? Type::i32 : Type::i64;
  if (is_fadd) // what all lanes add to one element is exact in f32
    type = shared ? Type::f32 : one_of<Type>({Type::f16, Type::bf16, Type::f32, Type::f64});
  Buffer buffer = new_buffer("atomic", type, shared ? 1 : n * programs(program),
                             is_fadd ? Contents::zeros : Contents::any_bits, false);
  Value index = integer(Type::i32, shape, 0);
  if (!shared) {
    index = spread(emit_op("arith.muli", Type::i32, pool.front(), integer(Type::i32, {}, n)), shape);
    if (!shape.empty()) {
      Value lane = index;
      lane.name = offsets(shape);
      index = emit_op("arith.addi", Type::i32, index, lane);
    }
  }
  std::string pointer = pointers(buffer, shape, index.name),
              order = one_of<std::string>({"relaxed", "acquire", "release", "acq_rel"});
  std::string types = cat(" : ", pointer_text(type, shape), " -> ", type_text(type, shape));
  Value x = operand(type, shape, is_fadd ? Need::integral : Need::exact);
  if (is_fadd)
    x = clamp(x, 64); // sums stay below 2^24, so that their order does not matter
  std::string mask = chance(50) ? " mask %" + operand(Type::i1, shape).name : "";
  Value old;
  if (!shared && !is_fadd && chance(25)) {
    Value expected = chance(50) ? integer(type, shape, 0) : operand(type, shape);
    old = emit(type, shape,
               cat("tile.atomic_cas ", order, " device %", pointer, ", %", expected.name, ", %", x.name, types));
  } else {
    std::vector<std::string> kinds = {"add", "max", "min", "and", "or", "xor"};
    if (!shared)
      kinds.push_back("xchg");
    std::string kind = is_fadd ? "fadd" : one_of(kinds);
    old =
        emit(type, shape, cat("tile.atomic_rmw ", kind, " ", order, " device %", pointer, ", %", x.name, mask, types));
  }
  if (!shared)
    return old;
  return emit_op(is_fadd ? "arith.addf" : "arith.addi", type, x,
                 is_fadd ? number(type, shape, 1) : integer(type, shape, 1));
}

/// Stores a value into an output of its own, sometimes under a mask.
void Generator::store_result(const Value &value) {
  const Shape &shape = value.shape;
  std::int64_t n = count(shape);
  Buffer buffer = new_buffer("out", value.type, n * programs(program), Contents::any_bits, false);
  Value index = spread(emit_op("arith.muli", Type::i32, pool.front(), integer(Type::i32, {}, n)), shape);
  if (!shape.empty()) {
    Value lane = index;
    lane.name = offsets(shape);
    index = emit_op("arith.addi", Type::i32, index, lane);
  }
  std::string mask = chance(20) ? " mask %" + operand(Type::i1, shape).name : "";
  std::string pointer = pointers(buffer, shape, index.name);
  line(cat("tile.store %", pointer, ", %", value.name, mask, " : ", pointer_text(value.type, shape)));
  if (value.exact)
    return;
  for (Buffer &stored : program.buffers)
    if (stored.name == buffer.name)
      stored.bound = buffer.name + "_e";
  if (!bounds)
    return;
  Buffer bound{buffer.name + "_e", Type::f64, buffer.elements, Contents::zeros, false, false, ""};
  bound_buffers.push_back(bound);
  line(cat("tile.store %", pointers(bound, shape, index.name), ", %", value.name, "_e", mask, " : ",
           pointer_text(Type::f64, shape)));
}

} // namespace kiln::fuzz
