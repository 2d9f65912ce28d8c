// From what the user wrote to values of one element type and one shape.
#include "tracer.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <optional>

using namespace kiln;
using namespace kiln::detail;
using mlir::Value;

namespace {

std::string quoted(const char *op) { return "'" + std::string(op) + "'"; }

std::string number_text(const Operand &operand) {
  std::string result;
  if (operand.kind() == Operand::Kind::floating)
    append_number(result, operand.floating());
  else if (operand.kind() == Operand::Kind::integer)
    append_number(result, operand.integer());
  else
    append_number(result, static_cast<std::uint64_t>(operand.integer()));
  return result;
}

bool is_integral(const Operand &operand) { return operand.kind() != Operand::Kind::floating; }

/// Whether the integer is one that i64 has. A large unsigned one is not.
bool fits_i64(const Operand &operand) { return operand.kind() == Operand::Kind::integer || operand.integer() >= 0; }

bool fits(std::int64_t value, DType dtype) {
  if (dtype == i1)
    return value == 0 || value == 1;
  const int bits = 8 * size_of(dtype);
  return bits == 64 || (value >= -(std::int64_t(1) << (bits - 1)) && value < (std::int64_t(1) << (bits - 1)));
}

DType default_dtype(const Operand &operand) {
  if (!is_integral(operand))
    return f32;
  return fits_i64(operand) && fits(operand.integer(), i32) ? i32 : i64;
}

} // namespace

Value detail::number(Tracer &tracer, const char *op, const Operand &operand, DType dtype, const Shape &shape) {
  mlir::Location loc = tracer.location(operand.loc());
  mlir::Type type = make_type(tracer.context, dtype, shape);
  auto does_not_fit = [&] {
    tracer.fail(operand.loc(), quoted(op) + ": " + number_text(operand) + " does not fit " + name_of(dtype));
  };
  if (!is_float(dtype)) {
    if (!is_integral(operand))
      tracer.fail(operand.loc(), quoted(op) + ": the floating-point number " + number_text(operand) +
                                     " meets a tile of " + name_of(dtype) + "; convert the tile with .to()");
    if (!fits_i64(operand) || !fits(operand.integer(), dtype))
      does_not_fit();
    return tracer.integer_constant(operand.integer(), type, loc);
  }
  const double value = operand.kind() == Operand::Kind::floating ? operand.floating()
                       : operand.kind() == Operand::Kind::integer
                           ? static_cast<double>(operand.integer())
                           : static_cast<double>(static_cast<std::uint64_t>(operand.integer()));
  const auto &semantics = llvm::cast<mlir::FloatType>(element_type(tracer.context, dtype)).getFloatSemantics();
  llvm::APFloat converted(value);
  bool loses = false;
  converted.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &loses);
  const llvm::APFloat exact(value);
  const bool kept = exact.isNaN()        ? converted.isNaN()
                    : exact.isInfinity() ? converted.isInfinity()
                                         : converted.isFinite();
  if (!kept)
    does_not_fit();
  return tracer.float_constant(value, type, loc);
}

Value detail::take(Tracer &tracer, const char *op, const Operand &operand) {
  if (operand.tile())
    return tracer.read(*operand.tile(), operand.loc());
  return number(tracer, op, operand, default_dtype(operand), {});
}

std::optional<Shape> detail::broadcast_shapes(const Shape &a, const Shape &b) {
  const int rank = std::max(a.rank(), b.rank());
  Shape result;
  for (int i = 0; i < rank; ++i) {
    const int ai = i - (rank - a.rank()), bi = i - (rank - b.rank());
    const std::int64_t da = ai < 0 ? 1 : a[ai], db = bi < 0 ? 1 : b[bi];
    if (da != db && da != 1 && db != 1)
      return std::nullopt;
    result.push_back(std::max(da, db));
  }
  return result;
}

Value detail::broadcast(Tracer &tracer, Value value, const Shape &shape, mlir::Location loc) {
  auto dims = info(value).shape;
  if (dims == shape)
    return value;
  auto type = mlir::RankedTensorType::get({shape.begin(), shape.size()}, tile::getElementOrSelf(value.getType()));
  if (dims.rank() == 0)
    return tracer.make_op<tile::SplatOp>(loc, type, value);
  for (int missing = shape.rank() - dims.rank(); missing > 0; --missing) {
    Shape wider{1};
    for (std::int64_t dim : dims)
      wider.push_back(dim);
    dims = wider;
    auto step = mlir::RankedTensorType::get({dims.begin(), dims.size()}, type.getElementType());
    value = tracer.make_op<tile::ExpandDimsOp>(loc, step, value, 0);
  }
  return dims == shape ? value : tracer.make_op<tile::BroadcastOp>(loc, type, value);
}

void detail::unify_types(Tracer &tracer, const char *op, const Loc &loc, const Operand *const *operands, Value *values,
                         std::size_t n) {
  Value like; // the first tile of numbers, or one of i64 where i32 meets it
  for (std::size_t i = 0; i < n; ++i) {
    if (!operands[i]->tile())
      continue;
    values[i] = tracer.read(*operands[i]->tile(), operands[i]->loc());
    if (info(values[i]).pointer)
      tracer.fail(loc, quoted(op) + " is not defined on " + text(values[i]));
    if (!like) {
      like = values[i];
      continue;
    }
    const DType a = info(like).dtype, b = info(values[i]).dtype;
    if (a == b)
      continue;
    if ((a == i32 && b == i64) || (a == i64 && b == i32)) {
      if (b == i64)
        like = values[i];
      continue;
    }
    tracer.fail(loc, quoted(op) + ": " + text(like) + " and " + text(values[i]) +
                         " have different element types; convert one with .to()");
  }
  DType dtype;
  if (like) {
    dtype = info(like).dtype;
  } else {
    dtype = i32;
    for (std::size_t i = 0; i < n; ++i)
      dtype = std::max(dtype, default_dtype(*operands[i])); // in the order i32, i64, f32
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (!operands[i]->tile())
      values[i] = number(tracer, op, *operands[i], dtype, {});
    else if (info(values[i]).dtype != dtype)
      values[i] = convert(tracer, values[i], dtype, tracer.location(loc));
  }
}

void detail::unify(Tracer &tracer, const char *op, const Loc &loc, const Operand *const *operands, Value *values,
                   std::size_t n) {
  unify_types(tracer, op, loc, operands, values, n);
  Shape shape = info(values[0]).shape;
  for (std::size_t i = 1; i < n; ++i) {
    std::optional<Shape> both = broadcast_shapes(shape, info(values[i]).shape);
    if (!both) {
      std::size_t other = 0; // the first that this one does not go with
      while (other + 1 < i && broadcast_shapes(info(values[other]).shape, info(values[i]).shape))
        ++other;
      tracer.fail(loc, quoted(op) + ": shapes of " + text(values[other]) + " and " + text(values[i]) + do_not_match);
    }
    shape = *both;
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (info(values[i]).shape == shape)
      continue;
    values[i] = operands[i]->tile() ? broadcast(tracer, values[i], shape, tracer.location(loc))
                                    : number(tracer, op, *operands[i], info(values[i]).dtype, shape);
  }
}
