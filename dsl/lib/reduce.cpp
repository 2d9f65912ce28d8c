// Reductions and scans.
#include "tracer.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace kiln;
using namespace kiln::detail;
using mlir::Value;
namespace arith = mlir::arith;

namespace {

std::string quoted(const char *op) { return "'" + std::string(op) + "'"; }

bool is_narrow(Value value) { return info(value).dtype == f16 || info(value).dtype == bf16; }

/// What a combiner emits: from n values and n values to n values.
using EmitCombiner =
    llvm::function_ref<void(llvm::ArrayRef<Value> a, llvm::ArrayRef<Value> b, llvm::SmallVectorImpl<Value> &out)>;

/// The function of the language that makes an operation of another name.
std::string name_in_language(mlir::Operation &op) {
  if (mlir::isa<tile::PrintOp>(op))
    return "device_print";
  if (mlir::isa<tile::AssumeOp>(op))
    return "assume_multiple";
  if (auto assertion = mlir::dyn_cast<tile::AssertOp>(op))
    return assertion.getCheckMode() ? "check_finite' or 'check_range" : "device_assert";
  return op.getName().stripDialect().str();
}

/// Fails at the first operation that has no place in a combiner. The verifier would, too, with the IR's words.
void check_combiner(Tracer &t, mlir::Block &block) {
  for (mlir::Operation &op : block) {
    for (Value result : op.getResults())
      if (info(result).shape.rank() > 0)
        t.fail_at(place(op.getLoc()),
                  "the combiner of a reduction or scan computes with scalars; this is a " + text(result));
    if (!tile::mayStandInCombiner(&op))
      t.fail_at(place(op.getLoc()), "the combiner of a reduction or scan may not contain '" + name_in_language(op) +
                                        "': it computes with scalars, and does nothing else");
  }
}

/// Traces a combiner for sources of these types into a block of its own, which the innermost frame owns.
void trace_combiner(Tracer &t, const char *op, llvm::ArrayRef<Value> sources, EmitCombiner emit, const Loc &loc) {
  mlir::Location where = t.location(loc);
  Frame &frame = t.open(Frame::Kind::combiner, loc);
  for (int side = 0; side < 2; ++side)
    for (Value source : sources)
      frame.block->addArgument(tile::getElementOrSelf(source.getType()), where);
  llvm::SmallVector<Value> arguments(frame.block->args_begin(), frame.block->args_end()), results;
  try {
    llvm::ArrayRef<Value> all(arguments);
    emit(all.take_front(sources.size()), all.drop_front(sources.size()), results);
    check_combiner(t, *t.frames.back().block);
    for (std::size_t i = 0; i < sources.size(); ++i)
      if (results[i].getType() != arguments[i].getType())
        t.fail(loc, quoted(op) + ": the combiner takes " + text(arguments[i]) + " and returns " + text(results[i]));
    for (const Slot &slot : t.frames.back().slots)
      if (slot.tile && t.resolve(Tracer::value_of(*slot.tile)) != slot.saved)
        t.fail(loc,
               quoted(op) +
                   ": the combiner assigns a variable from outside; it may use its arguments and host values alone");
  } catch (...) {
    t.abandon();
    throw;
  }
  tile::YieldOp::create(t.builder, where, results);
}

llvm::SmallVector<Value> make_reduce(Tracer &t, const char *op, llvm::ArrayRef<Value> sources, int axis,
                                     EmitCombiner emit, const Loc &loc) {
  trace_combiner(t, op, sources, emit, loc);
  Frame frame = t.close();
  llvm::SmallVector<mlir::Type> types;
  for (Value source : sources) {
    TypeInfo of = info(source);
    Shape rest;
    for (int i = 0; i < of.shape.rank(); ++i)
      if (i != axis)
        rest.push_back(of.shape[i]);
    types.push_back(make_type(t.context, of.dtype, rest));
  }
  auto reduce = tile::ReduceOp::create(t.builder, t.location(loc), types, sources, axis);
  t.move_into(*frame.block, reduce.getCombiner());
  return {reduce->result_begin(), reduce->result_end()};
}

llvm::SmallVector<Value> make_scan(Tracer &t, const char *op, llvm::ArrayRef<Value> sources, int axis, bool reverse,
                                   EmitCombiner emit, const Loc &loc) {
  trace_combiner(t, op, sources, emit, loc);
  Frame frame = t.close();
  llvm::SmallVector<mlir::Type> types;
  for (Value source : sources)
    types.push_back(source.getType());
  auto scan = tile::ScanOp::create(t.builder, t.location(loc), types, sources, axis, reverse);
  t.move_into(*frame.block, scan.getCombiner());
  return {scan->result_begin(), scan->result_end()};
}

Value take_reduced(Tracer &t, const char *op, const Operand &x, int &axis, const Loc &loc) {
  Value value = take(t, op, x);
  axis = check_axis(t, op, value, axis, loc);
  check_arithmetic(t, op, value, loc);
  return value;
}

/// A reduction of one tile by a binary operation.
template <class Emit>
Value reduce_by(Tracer &t, const char *op, Value x, int axis, const Loc &loc, Emit emit) {
  mlir::Location where = t.location(loc);
  return make_reduce(
      t, op, x, axis, [&](auto a, auto b, auto &out) { out.push_back(emit(a[0], b[0], where)); }, loc)[0];
}

/// The type in which elements are accumulated.
Value widen(Tracer &t, Value x, mlir::Location loc) {
  const DType dtype = info(x).dtype;
  return is_narrow(x)                                 ? convert(t, x, f32, loc)
         : dtype == i1 || dtype == i8 || dtype == i16 ? convert(t, x, i32, loc)
                                                      : x;
}

Tile extreme(const char *op, bool largest, const Operand &x, int axis, NanOptions options, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take_reduced(t, op, x, axis, loc);
  check_ordered(t, op, value, loc);
  return Tracer::make(reduce_by(t, op, value, axis, loc, [&](Value a, Value b, mlir::Location where) {
    return extremum(t, largest, options.nan, a, b, where);
  }));
}

Tile extreme_index(const char *op, bool largest, const Operand &x, int axis, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take_reduced(t, op, x, axis, loc);
  check_ordered(t, op, value, loc);
  mlir::Location where = t.location(loc);
  const Shape shape = info(value).shape;
  Value index = tile::ArangeOp::create(t.builder, where, make_type(t.context, i32, {shape[axis]}), 0, shape[axis]);
  for (int i = shape.rank() - 1; i > axis; --i) { // one dimension of size 1 for each that follows the axis
    Shape wider = info(index).shape;
    wider.push_back(1);
    index = t.make_op<tile::ExpandDimsOp>(where, make_type(t.context, i32, wider), index, wider.rank() - 1);
  }
  index = broadcast(t, index, shape, where);
  auto emit = [&](auto a, auto b, auto &out) {
    auto compare = [&](arith::CmpFPredicate f, arith::CmpIPredicate i, Value x, Value y) -> Value {
      return is_float(info(x).dtype) ? t.make_op<arith::CmpFOp>(where, f, x, y)
                                     : t.make_op<arith::CmpIOp>(where, i, x, y);
    };
    auto both = [&](Value x, Value y) { return t.make_op<arith::AndIOp>(where, x, y); };
    auto either = [&](Value x, Value y) { return t.make_op<arith::OrIOp>(where, x, y); };
    Value wins = largest ? compare(arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt, a[0], b[0])
                         : compare(arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt, a[0], b[0]);
    Value ties = compare(arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq, a[0], b[0]);
    if (is_float(info(value).dtype)) { // a NaN beats every number, and two of them tie
      Value a_nan = t.make_op<arith::CmpFOp>(where, arith::CmpFPredicate::UNO, a[0], a[0]);
      Value b_nan = t.make_op<arith::CmpFOp>(where, arith::CmpFPredicate::UNO, b[0], b[0]);
      Value b_number = t.make_op<arith::CmpFOp>(where, arith::CmpFPredicate::ORD, b[0], b[0]);
      wins = either(wins, both(a_nan, b_number));
      ties = either(ties, both(a_nan, b_nan));
    }
    Value first = t.make_op<arith::CmpIOp>(where, arith::CmpIPredicate::slt, a[1], b[1]);
    wins = either(wins, both(ties, first));
    for (int i = 0; i < 2; ++i)
      out.push_back(t.make_op<arith::SelectOp>(where, wins, a[i], b[i]));
  };
  return Tracer::make(make_reduce(t, op, {value, index}, axis, emit, loc)[1]);
}

template <class Op>
Tile logical(const char *op, const Operand &x, int axis, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take_reduced(t, op, x, axis, loc);
  if (info(value).dtype != i1)
    t.fail(loc, quoted(op) + " takes i1, got " + text(value) + "; compare with 0 first");
  return Tracer::make(reduce_by(t, op, value, axis, loc,
                                [&](Value a, Value b, mlir::Location where) { return t.make_op<Op>(where, a, b); }));
}

template <class FloatOp, class IntegerOp>
Tile cumulate(const char *op, const Operand &x, int axis, ScanOptions options, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take_reduced(t, op, x, axis, loc);
  mlir::Location where = t.location(loc);
  Value wide = widen(t, value, where);
  Value result = make_scan(
      t, op, wide, axis, options.reverse,
      [&](auto a, auto b, auto &out) {
        out.push_back(is_float(info(a[0]).dtype) ? t.make_op<FloatOp>(where, a[0], b[0])
                                                 : t.make_op<IntegerOp>(where, a[0], b[0]));
      },
      loc)[0];
  return Tracer::make(is_narrow(value) ? convert(t, result, info(value).dtype, where) : result);
}

llvm::SmallVector<Value> take_sources(Tracer &t, const char *op, const Tile *sources, std::size_t n, int &axis,
                                      const Loc &loc) {
  llvm::SmallVector<Value> values;
  for (std::size_t i = 0; i < n; ++i)
    values.push_back(t.read(sources[i], loc));
  axis = check_axis(t, op, values[0], axis, loc);
  for (Value value : values) {
    if (info(value).pointer)
      t.fail(loc, quoted(op) + " is not defined on pointers");
    if (info(value).shape != info(values[0]).shape)
      t.fail(loc, quoted(op) + ": shapes of " + text(values[0]) + " and " + text(value) + " differ");
  }
  return values;
}

/// Calls a combiner of the language with values as tiles.
auto call(Tracer &t, const Combiner &combine, const Loc &loc) {
  return [&t, &combine, &loc](llvm::ArrayRef<Value> a, llvm::ArrayRef<Value> b, llvm::SmallVectorImpl<Value> &out) {
    std::vector<Tile> left(a.size()), right(a.size()), results(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      Tracer::set_value(left[i], a[i]);
      Tracer::set_value(right[i], b[i]);
    }
    combine(left.data(), right.data(), results.data());
    for (const Tile &result : results)
      out.push_back(t.read(result, loc));
  };
}

} // namespace

void detail::reduce_tiles(const Tile *sources, Tile *results, std::size_t n, int axis, Combiner combine, Loc loc) {
  Tracer &t = Tracer::current(loc);
  llvm::SmallVector<Value> values = take_sources(t, "reduce", sources, n, axis, loc);
  llvm::SmallVector<Value> reduced = make_reduce(t, "reduce", values, axis, call(t, combine, loc), loc);
  for (std::size_t i = 0; i < n; ++i)
    results[i] = Tracer::make(reduced[i]);
}

void detail::scan_tiles(const Tile *sources, Tile *results, std::size_t n, int axis, bool reverse, Combiner combine,
                        Loc loc) {
  Tracer &t = Tracer::current(loc);
  llvm::SmallVector<Value> values = take_sources(t, "scan", sources, n, axis, loc);
  llvm::SmallVector<Value> scanned = make_scan(t, "scan", values, axis, reverse, call(t, combine, loc), loc);
  for (std::size_t i = 0; i < n; ++i)
    results[i] = Tracer::make(scanned[i]);
}

namespace kiln {

Tile sum(const Operand &x, int axis, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take_reduced(t, "sum", x, axis, loc);
  mlir::Location where = t.location(loc);
  Value result = reduce_by(t, "sum", widen(t, value, where), axis, loc, [&](Value a, Value b, mlir::Location where) {
    return is_float(info(a).dtype) ? t.make_op<arith::AddFOp>(where, a, b) : t.make_op<arith::AddIOp>(where, a, b);
  });
  return Tracer::make(is_narrow(value) ? convert(t, result, info(value).dtype, where) : result);
}

Tile max(const Operand &x, int axis, NanOptions options, Loc loc) {
  return extreme("max", true, x, axis, options, loc);
}
Tile min(const Operand &x, int axis, NanOptions options, Loc loc) {
  return extreme("min", false, x, axis, options, loc);
}
Tile argmax(const Operand &x, int axis, Loc loc) { return extreme_index("argmax", true, x, axis, loc); }
Tile argmin(const Operand &x, int axis, Loc loc) { return extreme_index("argmin", false, x, axis, loc); }
Tile any(const Operand &x, int axis, Loc loc) { return logical<arith::OrIOp>("any", x, axis, loc); }
Tile all(const Operand &x, int axis, Loc loc) { return logical<arith::AndIOp>("all", x, axis, loc); }

Tile cumsum(const Operand &x, int axis, ScanOptions options, Loc loc) {
  return cumulate<arith::AddFOp, arith::AddIOp>("cumsum", x, axis, options, loc);
}
Tile cumprod(const Operand &x, int axis, ScanOptions options, Loc loc) {
  return cumulate<arith::MulFOp, arith::MulIOp>("cumprod", x, axis, options, loc);
}

} // namespace kiln
