// What the language says of types and shapes, and the same in MLIR.
#include "tracer.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include <bit>
#include <charconv>

using namespace kiln;
using namespace kiln::detail;

// ---- the text of configs
// ------------------------------------------------------------------------------------------------

namespace {
template <class T>
void append(std::string &text, T value) {
  char buffer[32];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  text.append(buffer, end);
}
} // namespace

void detail::append_number(std::string &text, std::int64_t value) { append(text, value); }
void detail::append_number(std::string &text, std::uint64_t value) { append(text, value); }
void detail::append_number(std::string &text, double value) { append(text, value); }

// ---- types
// --------------------------------------------------------------------------------------------------------------

namespace {
DType dtype_of_element(mlir::Type type) {
  if (auto integer = llvm::dyn_cast<mlir::IntegerType>(type)) {
    switch (integer.getWidth()) {
    case 1:
      return i1;
    case 8:
      return i8;
    case 16:
      return i16;
    case 32:
      return i32;
    default:
      return i64;
    }
  }
  if (llvm::isa<mlir::Float8E4M3FNType>(type))
    return f8e4m3;
  if (llvm::isa<mlir::Float8E5M2Type>(type))
    return f8e5m2;
  return type.isF16() ? f16 : type.isBF16() ? bf16 : type.isF32() ? f32 : f64;
}
} // namespace

TypeInfo detail::info(mlir::Type type) {
  TypeInfo result{};
  if (auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type)) {
    for (std::int64_t dim : tensor.getShape())
      result.shape.push_back(dim);
    type = tensor.getElementType();
  }
  if (auto pointer = llvm::dyn_cast<tile::PtrType>(type)) {
    result.pointer = true;
    type = pointer.getPointeeType();
  }
  result.dtype = dtype_of_element(type);
  return result;
}

mlir::Type detail::element_type(mlir::MLIRContext &context, DType dtype) {
  switch (dtype) {
  case DType::i1:
    return mlir::IntegerType::get(&context, 1);
  case DType::i8:
    return mlir::IntegerType::get(&context, 8);
  case DType::i16:
    return mlir::IntegerType::get(&context, 16);
  case DType::i32:
    return mlir::IntegerType::get(&context, 32);
  case DType::i64:
    return mlir::IntegerType::get(&context, 64);
  case DType::f8e4m3:
    return mlir::Float8E4M3FNType::get(&context);
  case DType::f8e5m2:
    return mlir::Float8E5M2Type::get(&context);
  case DType::f16:
    return mlir::Float16Type::get(&context);
  case DType::bf16:
    return mlir::BFloat16Type::get(&context);
  case DType::f32:
    return mlir::Float32Type::get(&context);
  case DType::f64:
    return mlir::Float64Type::get(&context);
  }
  llvm_unreachable("no such element type");
}

mlir::Type detail::make_type(mlir::MLIRContext &context, DType dtype, const Shape &shape) {
  mlir::Type element = element_type(context, dtype);
  return shape.rank() == 0 ? element : mlir::RankedTensorType::get({shape.begin(), shape.size()}, element);
}

mlir::Type detail::with_element(mlir::Type like, mlir::Type element) {
  auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(like);
  return tensor ? mlir::Type(mlir::RankedTensorType::get(tensor.getShape(), element)) : element;
}

std::string detail::text(mlir::Type type) {
  TypeInfo of = info(type);
  std::string element = name_of(of.dtype);
  if (of.pointer)
    element = "ptr<" + element + ">";
  if (of.scalar())
    return element;
  std::string result = "tile<";
  for (std::int64_t dim : of.shape)
    result += std::to_string(dim) + "x";
  return result + element + ">";
}

std::string detail::text(mlir::Value value) { return text(value.getType()); }

std::string detail::text(const Shape &shape) {
  std::string result = "[";
  for (std::int64_t dim : shape)
    result += (result.size() > 1 ? ", " : "") + std::to_string(dim);
  return result + "]";
}

void detail::check_shape(Tracer &tracer, const char *op, const Shape &shape, const Loc &loc) {
  // Bounds what a careless shape can cost the compiler.
  constexpr std::int64_t max_elements = std::int64_t(1) << 20;
  if (shape.rank() > Shape::max_rank)
    tracer.fail(loc, "'" + std::string(op) + "': a tile has at most 8 dimensions, got " + std::to_string(shape.rank()));
  std::int64_t elements = 1;
  for (std::int64_t dim : shape) {
    if (dim <= 0 || !std::has_single_bit(static_cast<std::uint64_t>(dim)))
      tracer.fail(loc, "'" + std::string(op) + "': every dimension of a tile is a power of two, got " + text(shape));
    if (dim > max_elements || (elements *= dim) > max_elements)
      tracer.fail(loc, "'" + std::string(op) + "': a tile has at most 1048576 elements, got " + text(shape));
  }
}

int detail::check_axis(Tracer &tracer, const char *op, mlir::Value value, int axis, const Loc &loc) {
  const int rank = info(value).shape.rank();
  const int result = axis < 0 ? axis + rank : axis;
  if (result < 0 || result >= rank)
    tracer.fail(loc, "'" + std::string(op) + "': " + text(value) + " has no axis " + std::to_string(axis));
  return result;
}

void detail::check_arithmetic(Tracer &tracer, const char *op, mlir::Value value, const Loc &loc) {
  TypeInfo of = info(value);
  if (of.pointer)
    tracer.fail(loc, "'" + std::string(op) + "' is not defined on pointers");
  if (is_float8(of.dtype))
    tracer.fail(loc, "'" + std::string(op) + "': there is no arithmetic on " + name_of(of.dtype) +
                         ", which is a storage type: convert with .to(kiln::f16) or .to(kiln::f32) first");
}
