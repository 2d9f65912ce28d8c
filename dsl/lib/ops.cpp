// The grid, making and shaping tiles, memory, atomics, contraction, facts and checks.
#include "tracer.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <algorithm>

using namespace kiln;
using namespace kiln::detail;
using mlir::Value;

namespace {

std::string quoted(const char *op) { return "'" + std::string(op) + "'"; }

mlir::RankedTensorType tensor_of(Value like, const Shape &shape) {
  return mlir::RankedTensorType::get({shape.begin(), shape.size()}, tile::getElementOrSelf(like.getType()));
}

/// A tile, for the operations that make no sense of a scalar.
Value take_tile(Tracer &t, const char *op, const Operand &operand, const Loc &loc) {
  Value value = take(t, op, operand);
  if (info(value).scalar())
    t.fail(loc, quoted(op) + ": expected a tile, got the scalar " + text(value));
  return value;
}

// ---- memory
// -------------------------------------------------------------------------------------------------------------

Value take_pointer(Tracer &t, const char *op, const Operand &operand, const Loc &loc) {
  Value value = take(t, op, operand);
  if (!info(value).pointer)
    t.fail(loc, quoted(op) + ": expected a pointer, got " + text(value));
  return value;
}

/// The mask in the shape of the pointers; null where every lane takes part.
Value take_mask(Tracer &t, const char *op, const Mask &mask, Value pointer, const Loc &loc) {
  if (!mask.given())
    return {};
  Value value = t.read(mask.tile(), mask.loc());
  if (info(value).pointer || info(value).dtype != i1)
    t.fail(loc, quoted(op) + ": a mask is i1, got " + text(value));
  const Shape shape = info(pointer).shape;
  if (broadcast_shapes(shape, info(value).shape) != shape)
    t.fail(loc, quoted(op) + ": the mask " + text(value) + " does not fit the pointers " + text(pointer));
  return broadcast(t, value, shape, t.location(loc));
}

/// A number that memory behind `pointer` can hold, in the shape of the pointers.
Value take_stored(Tracer &t, const char *op, const Operand &operand, Value pointer, const Loc &loc) {
  const TypeInfo at = info(pointer);
  if (!operand.tile())
    return number(t, op, operand, at.dtype, at.shape);
  Value value = t.read(*operand.tile(), operand.loc());
  if (info(value).pointer || info(value).dtype != at.dtype)
    t.fail(loc, quoted(op) + ": the value is " + text(value) + " and the pointer " + text(pointer) +
                    "; convert the value with .to(kiln::" + name_of(at.dtype) + ")");
  if (broadcast_shapes(at.shape, info(value).shape) != at.shape)
    t.fail(loc, quoted(op) + ": the value " + text(value) + " does not fit the pointers " + text(pointer));
  return broadcast(t, value, at.shape, t.location(loc));
}

bool is_zero(const Operand &operand) {
  return (operand.kind() == Operand::Kind::integer && operand.integer() == 0) ||
         (operand.kind() == Operand::Kind::floating && operand.floating() == 0 && !std::signbit(operand.floating()));
}

Tile atomic(const char *op, tile::AtomicKind kind, const Operand &pointer, const Operand &value,
            const AtomicOptions &options, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  Value at = take_pointer(t, op, pointer, loc);
  const DType dtype = info(at).dtype;
  const bool wide = dtype == i32 || dtype == i64;
  const bool taken = kind == tile::AtomicKind::Add        ? wide || (is_float(dtype) && !is_float8(dtype))
                     : kind == tile::AtomicKind::Exchange ? wide || dtype == f32 || dtype == f64
                                                          : wide;
  if (!taken)
    t.fail(loc, quoted(op) + " is not defined on " + name_of(dtype) + ": it takes i32" +
                    (kind == tile::AtomicKind::Add        ? ", i64, f16, bf16, f32 and f64"
                     : kind == tile::AtomicKind::Exchange ? ", i64, f32 and f64"
                                                          : " and i64"));
  if (kind == tile::AtomicKind::Add && is_float(dtype))
    kind = tile::AtomicKind::FAdd;
  Value stored = take_stored(t, op, value, at, loc);
  Value mask = take_mask(t, op, options.mask, at, loc);
  auto access = tile::AtomicRMWOp::create(t.builder, t.location(loc), stored.getType(), kind,
                                          static_cast<tile::MemoryOrder>(options.order),
                                          static_cast<tile::MemoryScope>(options.scope), at, stored, mask);
  t.note_write(op, access, loc);
  return Tracer::make(access);
}

} // namespace

namespace kiln {

// ---- the grid and new tiles
// ---------------------------------------------------------------------------------------------

Tile program_id(int axis, Loc loc) {
  Tracer &t = Tracer::current(loc);
  if (axis < 0 || axis > 2)
    t.fail(loc, "'program_id': the axes of the grid are 0, 1 and 2, got " + std::to_string(axis));
  return Tracer::make(tile::ProgramIdOp::create(t.builder, t.location(loc), t.builder.getI32Type(), axis));
}

Tile num_programs(int axis, Loc loc) {
  Tracer &t = Tracer::current(loc);
  if (axis < 0 || axis > 2)
    t.fail(loc, "'num_programs': the axes of the grid are 0, 1 and 2, got " + std::to_string(axis));
  return Tracer::make(tile::NumProgramsOp::create(t.builder, t.location(loc), t.builder.getI32Type(), axis));
}

Tile arange(std::int64_t begin, std::int64_t end, DType dtype, Loc loc) {
  Tracer &t = Tracer::current(loc);
  if (dtype != i32 && dtype != i64)
    t.fail(loc, std::string("'arange': the elements are i32 or i64, got ") + name_of(dtype));
  if (end <= begin)
    t.fail(loc, "'arange': the end " + std::to_string(end) + " is not behind the beginning " + std::to_string(begin));
  if (dtype == i32 && (begin < INT32_MIN || end > std::int64_t(INT32_MAX) + 1))
    t.fail(loc, "'arange': " + std::to_string(begin) + " to " + std::to_string(end) + " does not fit i32");
  std::int64_t length;
  if (__builtin_sub_overflow(end, begin, &length))
    length = INT64_MAX;
  check_shape(t, "arange", {length}, loc);
  return Tracer::make(
      tile::ArangeOp::create(t.builder, t.location(loc), make_type(t.context, dtype, {length}), begin, end));
}

Tile full(const Shape &shape, const Operand &value, DType dtype, Loc loc) {
  Tracer &t = Tracer::current(loc);
  check_shape(t, "full", shape, loc);
  if (!value.tile())
    return Tracer::make(number(t, "full", value, dtype, shape));
  Value scalar = t.read(*value.tile(), value.loc());
  if (!info(scalar).scalar() || info(scalar).pointer || info(scalar).dtype != dtype)
    t.fail(loc, std::string("'full': expected a number or a scalar of ") + name_of(dtype) + ", got " + text(scalar));
  return Tracer::make(broadcast(t, scalar, shape, t.location(loc)));
}

Tile zeros(const Shape &shape, DType dtype, Loc loc) {
  Tracer &t = Tracer::current(loc);
  check_shape(t, "zeros", shape, loc);
  return Tracer::make(number(t, "zeros", Operand(0, loc), dtype, shape));
}

// ---- memory
// ---------------------------------------------------------------------------------------------------------------

Tile load(const Operand &pointer, const LoadOptions &options, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value at = take_pointer(t, "load", pointer, loc);
  Value mask = take_mask(t, "load", options.mask, at, loc);
  Value other; // absent: zero
  if (const Operand fill = options.other.operand(); mask && !is_zero(fill))
    other = take_stored(t, "load", fill, at, loc);
  mlir::Type type = with_element(at.getType(), element_type(t.context, info(at).dtype));
  return Tracer::make(tile::LoadOp::create(t.builder, t.location(loc), type, at, mask, other,
                                           /*evict_first=*/options.eviction == Eviction::first));
}

void store(const Operand &pointer, const Operand &value, const StoreOptions &options, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value at = take_pointer(t, "store", pointer, loc);
  Value stored = take_stored(t, "store", value, at, loc);
  Value mask = take_mask(t, "store", options.mask, at, loc);
  t.note_write("store", tile::StoreOp::create(t.builder, t.location(loc), at, stored, mask), loc);
}

Tile atomic_add(const Operand &pointer, const Operand &value, const AtomicOptions &options, Loc loc) {
  return atomic("atomic_add", tile::AtomicKind::Add, pointer, value, options, loc);
}
Tile atomic_max(const Operand &pointer, const Operand &value, const AtomicOptions &options, Loc loc) {
  return atomic("atomic_max", tile::AtomicKind::Max, pointer, value, options, loc);
}
Tile atomic_min(const Operand &pointer, const Operand &value, const AtomicOptions &options, Loc loc) {
  return atomic("atomic_min", tile::AtomicKind::Min, pointer, value, options, loc);
}
Tile atomic_and(const Operand &pointer, const Operand &value, const AtomicOptions &options, Loc loc) {
  return atomic("atomic_and", tile::AtomicKind::And, pointer, value, options, loc);
}
Tile atomic_or(const Operand &pointer, const Operand &value, const AtomicOptions &options, Loc loc) {
  return atomic("atomic_or", tile::AtomicKind::Or, pointer, value, options, loc);
}
Tile atomic_xor(const Operand &pointer, const Operand &value, const AtomicOptions &options, Loc loc) {
  return atomic("atomic_xor", tile::AtomicKind::Xor, pointer, value, options, loc);
}
Tile atomic_exchange(const Operand &pointer, const Operand &value, const AtomicOptions &options, Loc loc) {
  return atomic("atomic_exchange", tile::AtomicKind::Exchange, pointer, value, options, loc);
}

Tile atomic_cas(const Operand &pointer, const Operand &compare, const Operand &value, const CasOptions &options,
                Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value at = take_pointer(t, "atomic_cas", pointer, loc);
  if (info(at).dtype != i32 && info(at).dtype != i64)
    t.fail(loc, std::string("'atomic_cas' is not defined on ") + name_of(info(at).dtype) +
                    ": bitcast the pointer and the values to i32 or i64");
  Value expected = take_stored(t, "atomic_cas", compare, at, loc);
  Value stored = take_stored(t, "atomic_cas", value, at, loc);
  auto access = tile::AtomicCASOp::create(t.builder, t.location(loc), stored.getType(),
                                          static_cast<tile::MemoryOrder>(options.order),
                                          static_cast<tile::MemoryScope>(options.scope), at, expected, stored);
  t.note_write("atomic_cas", access, loc);
  return Tracer::make(access);
}

// ---- shapes
// -----------------------------------------------------------------------------------------------------------------

namespace {
Tile expand(const char *op, const Operand &x, int axis, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take_tile(t, op, x, loc);
  const Shape shape = info(value).shape;
  const int at = axis < 0 ? axis + shape.rank() + 1 : axis;
  if (at < 0 || at > shape.rank())
    t.fail(loc, quoted(op) + ": " + text(value) + " has no place for a new axis " + std::to_string(axis));
  if (shape.rank() == Shape::max_rank)
    t.fail(loc, quoted(op) + ": a tile has at most 8 dimensions");
  Shape wider;
  for (int i = 0; i <= shape.rank(); ++i) {
    if (i == at)
      wider.push_back(1);
    if (i < shape.rank())
      wider.push_back(shape[i]);
  }
  return Tracer::make(t.make_op<tile::ExpandDimsOp>(t.location(loc), tensor_of(value, wider), value, at));
}

Tile expand_vector(const char *op, const Operand &x, int axis, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take(t, op, x);
  if (info(value).shape.rank() != 1)
    t.fail(loc, quoted(op) + ": expected a tile of rank 1, got " + text(value));
  return expand(op, x, axis, loc);
}
} // namespace

Tile row(const Operand &x, Loc loc) { return expand_vector("row", x, 0, loc); }
Tile col(const Operand &x, Loc loc) { return expand_vector("col", x, 1, loc); }
Tile expand_dims(const Operand &x, int axis, Loc loc) { return expand("expand_dims", x, axis, loc); }

Tile broadcast_to(const Operand &x, const Shape &shape, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take(t, "broadcast_to", x);
  check_shape(t, "broadcast_to", shape, loc);
  if (broadcast_shapes(info(value).shape, shape) != shape)
    t.fail(loc, "'broadcast_to': " + text(value) + " cannot be repeated to " + text(shape) +
                    ": aligned at the last dimension, only dimensions of size 1 are repeated");
  return Tracer::make(broadcast(t, value, shape, t.location(loc)));
}

Tile reshape(const Operand &x, const Shape &shape, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take_tile(t, "reshape", x, loc);
  check_shape(t, "reshape", shape, loc);
  if (shape.rank() == 0 || shape.elements() != info(value).shape.elements())
    t.fail(loc, "'reshape': " + text(value) + " has " + std::to_string(info(value).shape.elements()) + " elements, " +
                    text(shape) + " has " + std::to_string(shape.elements()));
  if (shape == info(value).shape)
    return Tracer::make(value);
  return Tracer::make(t.make_op<tile::ReshapeOp>(t.location(loc), tensor_of(value, shape), value));
}

Tile trans(const Operand &x, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take(t, "trans", x);
  if (info(value).shape.rank() != 2)
    t.fail(loc, "'trans': expected a tile of rank 2, got " + text(value) + "; give the order of the dimensions");
  return trans(x, {1, 0}, loc);
}

Tile trans(const Operand &x, std::initializer_list<int> order, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take_tile(t, "trans", x, loc);
  const Shape shape = info(value).shape;
  llvm::SmallVector<std::int32_t> dims(order.begin(), order.end());
  llvm::SmallVector<std::int32_t> sorted = dims;
  std::sort(sorted.begin(), sorted.end());
  bool permutation = static_cast<int>(dims.size()) == shape.rank();
  for (int i = 0; permutation && i < shape.rank(); ++i)
    permutation = sorted[i] == i;
  if (!permutation)
    t.fail(loc, "'trans': the order must name each dimension of " + text(value) + " once");
  Shape result;
  for (int dim : dims)
    result.push_back(shape[dim]);
  return Tracer::make(t.make_op<tile::TransOp>(t.location(loc), tensor_of(value, result), value, dims));
}

Tile bitcast(const Operand &x, DType dtype, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take(t, "bitcast", x);
  TypeInfo from = info(value);
  mlir::Type element = element_type(t.context, dtype);
  if (!from.pointer &&
      tile::getElementOrSelf(value.getType()).getIntOrFloatBitWidth() != element.getIntOrFloatBitWidth())
    t.fail(loc, std::string("'bitcast': ") + name_of(from.dtype) + " and " + name_of(dtype) + " have different widths");
  if (from.dtype == dtype)
    return Tracer::make(value);
  if (from.pointer)
    element = tile::PtrType::get(element);
  return Tracer::make(t.make_op<tile::BitcastOp>(t.location(loc), with_element(value.getType(), element), value));
}

// ---- contraction
// --------------------------------------------------------------------------------------------------------------

namespace {
DType accumulator(DType dtype) { return dtype == f64 ? f64 : dtype == i8 ? i32 : f32; }
} // namespace

Tile dot(const Operand &a, const Operand &b, const Operand &acc, DotOptions options, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value values[] = {take(t, "dot", a), take(t, "dot", b), take(t, "dot", acc)};
  const TypeInfo x = info(values[0]), y = info(values[1]), z = info(values[2]);
  const std::string what = text(values[0]) + " by " + text(values[1]) + " into " + text(values[2]);
  if (x.pointer || y.pointer || z.pointer || x.shape.rank() != 2 || y.shape.rank() != 2 || z.shape.rank() != 2 ||
      x.shape[1] != y.shape[0] || z.shape[0] != x.shape[0] || z.shape[1] != y.shape[1])
    t.fail(loc, "'dot': expected tiles of shapes [m, k], [k, n] and [m, n], got " + what);
  const bool integer = !is_float(x.dtype) && x.dtype != i8;
  if (x.dtype != y.dtype || integer || z.dtype != accumulator(x.dtype))
    t.fail(loc, "'dot': the operands have one element type of i8, f8e4m3, f8e5m2, f16, bf16, f32 and f64, and the "
                "accumulator is "
                "i32 for i8, f64 for f64 and f32 for the others; got " +
                    what);
  if (options.precision == Precision::tf32 && x.dtype != f32)
    t.fail(loc, std::string("'dot': the precision tf32 is for f32 operands, got ") + name_of(x.dtype));
  return Tracer::make(tile::DotOp::create(t.builder, t.location(loc), values[2].getType(), values[0], values[1],
                                          values[2], static_cast<tile::DotPrecision>(options.precision)));
}

Tile dot(const Operand &a, const Operand &b, DotOptions options, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value x = take(t, "dot", a), y = take(t, "dot", b);
  if (info(x).shape.rank() != 2 || info(y).shape.rank() != 2)
    t.fail(loc, "'dot': expected tiles of rank 2, got " + text(x) + " by " + text(y));
  Tile acc = zeros({info(x).shape[0], info(y).shape[1]}, accumulator(info(x).dtype), loc);
  return dot(a, b, Operand(acc, loc), options, loc);
}

// ---- launches that overlap
// -----------------------------------------------------------------------------------------------------------

void wait_for_launches(Loc loc) {
  Tracer &t = Tracer::current(loc);
  if (t.frames.size() > 1)
    t.fail(loc, "'wait_for_launches' stands inside of a loop, a branch or a combiner, but every program has to wait: "
                "call it outside");
  t.frames.front().block->getParentOp()->setAttr(tile::kOverlapsAttr, t.builder.getUnitAttr());
  tile::WaitForLaunchesOp::create(t.builder, t.location(loc));
}

void launch_dependents(Loc loc) {
  Tracer &t = Tracer::current(loc);
  tile::LaunchDependentsOp::create(t.builder, t.location(loc));
}

// ---- facts and checks
// -----------------------------------------------------------------------------------------------------------

Tile assume_multiple(const Operand &x, std::int64_t divisor, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take(t, "assume_multiple", x);
  if (!info(value).pointer && (is_float(info(value).dtype) || info(value).dtype == i1))
    t.fail(loc, "'assume_multiple': expected integers or pointers, got " + text(value));
  if (divisor <= 0)
    t.fail(loc, "'assume_multiple': the divisor is positive, got " + std::to_string(divisor));
  if (t.declare_divisibility(value, divisor))
    return Tracer::make(value);
  return Tracer::make(tile::AssumeOp::create(t.builder, t.location(loc), value.getType(), value, divisor));
}

void device_assert(const Operand &condition, std::string_view message, Loc loc) {
  Tracer &t = Tracer::current(loc);
  Value value = take(t, "device_assert", condition);
  if (info(value).pointer || info(value).dtype != i1)
    t.fail(loc, "'device_assert': the condition is i1, got " + text(value));
  tile::AssertOp::create(t.builder, t.location(loc), value, llvm::StringRef(message));
}

namespace {

/// Asserts in check mode that `holds`, or the lane is off.
void check_elements(Tracer &t, const char *op, Value holds, const Mask &mask, const std::string &message,
                    const Loc &loc) {
  const mlir::Location where = t.location(loc);
  if (mask.given()) {
    Value on = t.read(mask.tile(), mask.loc());
    if (info(on).pointer || info(on).dtype != i1)
      t.fail(loc, quoted(op) + ": a mask is i1, got " + text(on));
    if (broadcast_shapes(info(on).shape, info(holds).shape) != info(holds).shape)
      t.fail(loc, quoted(op) + ": the mask " + text(on) + " does not fit the values, " + text(holds));
    on = broadcast(t, on, info(holds).shape, where);
    Value off = t.make_op<mlir::arith::XOrIOp>(where, on, t.integer_constant(-1, on.getType(), where));
    holds = t.make_op<mlir::arith::OrIOp>(where, holds, off);
  }
  tile::AssertOp::create(t.builder, where, holds, llvm::StringRef(message), /*check_mode=*/true);
}

} // namespace

void check_finite(const Operand &x, std::string_view name, const CheckOptions &options, Loc loc) {
  Tracer &t = Tracer::current(loc);
  const mlir::Location where = t.location(loc);
  Value value = take(t, "check_finite", x);
  if (info(value).pointer || !is_float(info(value).dtype))
    t.fail(loc, "'check_finite' takes floating-point values, got " + text(value));
  if (info(value).dtype == f8e4m3 || info(value).dtype == f8e5m2)
    value = convert(t, value, f32, where);
  // Of NaN and of infinities the difference is NaN.
  Value zero = t.make_op<mlir::arith::SubFOp>(where, value, value);
  Value holds = t.make_op<mlir::arith::CmpFOp>(where, mlir::arith::CmpFPredicate::ORD, zero, zero);
  check_elements(t, "check_finite", holds, options.mask, std::string(name) + " is NaN or infinite", loc);
}

void check_range(const Operand &x, const Operand &begin, const Operand &end, std::string_view name,
                 const CheckOptions &options, Loc loc) {
  Tracer &t = Tracer::current(loc);
  const mlir::Location where = t.location(loc);
  const Operand *operands[] = {&x, &begin, &end};
  Value values[3];
  unify(t, "check_range", loc, operands, values, 3);
  check_arithmetic(t, "check_range", values[0], loc);
  if (is_float(info(values[0]).dtype) || info(values[0]).dtype == i1)
    t.fail(loc, "'check_range' takes integers, got " + text(values[0]));
  Value above = t.make_op<mlir::arith::CmpIOp>(where, mlir::arith::CmpIPredicate::sge, values[0], values[1]);
  Value below = t.make_op<mlir::arith::CmpIOp>(where, mlir::arith::CmpIPredicate::slt, values[0], values[2]);
  Value holds = t.make_op<mlir::arith::AndIOp>(where, above, below);
  check_elements(t, "check_range", holds, options.mask, std::string(name) + " is out of range", loc);
}

void device_print(std::string_view prefix, std::initializer_list<Operand> values, Loc loc) {
  Tracer &t = Tracer::current(loc);
  llvm::SmallVector<Value> taken;
  for (const Operand &operand : values) {
    Value value = take(t, "device_print", operand);
    if (info(value).pointer && info(value).shape.rank() > 0)
      t.fail(loc, "'device_print': " + text(value) +
                      " is a tile of pointers, which cannot be printed: print the offsets instead");
    taken.push_back(value);
  }
  tile::PrintOp::create(t.builder, t.location(loc), llvm::StringRef(prefix), taken, mlir::ArrayAttr());
}

} // namespace kiln
