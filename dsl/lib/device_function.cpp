// Device functions while tracing: what a call becomes, and how functions are told apart.
#include "device_function.h"

#include "tracer.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"

using namespace kiln;
using namespace kiln::detail;
using mlir::Value;

namespace {

/// One name, or several with "::" between them; template arguments may follow.
bool is_name(llvm::StringRef name) {
  name = name.take_until([](char c) { return c == '<'; });
  while (true) {
    llvm::StringRef part = name.take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
    if (part.empty() || llvm::isDigit(part[0]))
      return false;
    name = name.drop_front(part.size());
    if (name.empty())
      return true;
    if (!name.consume_front("::"))
      return false;
  }
}

/// Whether the code may depend on where the function was made, which `#line` tells the compiler: it may ask for its
/// file or line, an assert contains them, and so do line tables. Where this is not certain, it may.
bool knows_location(const DeviceFunctionParts &parts) {
  auto asks = [](llvm::StringRef text) {
    return llvm::any_of(std::initializer_list<llvm::StringRef>{"_LINE", "_FILE", "assert", "source_location"},
                        [&](llvm::StringRef word) { return text.contains(word); });
  };
  auto takes = [&](llvm::StringRef option) {
    return asks(option) || option.contains("line") || option.contains("debug") || option.ltrim('-') == "G";
  };
  return parts.language == DeviceFunctionParts::Language::cuda &&
         (asks(parts.code) || llvm::any_of(parts.options, takes) ||
          llvm::any_of(parts.headers, [&](const auto &header) { return asks(header.second); }));
}

std::string digest_of(const DeviceFunctionParts &parts) {
  llvm::BLAKE3 hash;
  auto add = [&](llvm::StringRef text) {
    hash.update(std::to_string(text.size()) + ":");
    hash.update(text);
  };
  add(parts.language == DeviceFunctionParts::Language::cuda ? "cuda" : "bitcode");
  add(parts.name);
  add(parts.code);
  std::string shape = parts.signature.returns_value ? "r" : "v";
  for (DeviceSignature::Pass pass : parts.signature.parameters)
    shape += "vpr"[static_cast<int>(pass)];
  add(shape);
  add(std::to_string(parts.options.size())); // where they end and headers begin
  for (const std::string &option : parts.options)
    add(option);
  for (const auto &[name, text] : parts.headers) {
    add(name);
    add(text);
  }
  if (knows_location(parts))
    add(std::string(parts.loc.file_name()) + ":" + std::to_string(parts.loc.line()));
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

/// The function's symbol in the module that is being traced, where it is declared when it is first called.
mlir::func::FuncOp declare(Tracer &t, const std::shared_ptr<const DeviceFunctionCode> &function) {
  auto module = t.frames.front().block->getParentOp()->getParentOfType<mlir::ModuleOp>();
  for (const DeviceFunctionUse &use : t.functions)
    if (use.function == function)
      return module.lookupSymbol<mlir::func::FuncOp>(use.symbol);
  std::string base;
  for (char c : function->name)
    base += llvm::isAlnum(c) ? c : '_';
  std::string symbol = base;
  for (int n = 1; module.lookupSymbol(symbol); ++n)
    symbol = base + "_" + std::to_string(n);
  auto elements = [&](const std::vector<DType> &dtypes) {
    return llvm::map_to_vector(dtypes, [&](DType dtype) { return element_type(t.context, dtype); });
  };
  mlir::OpBuilder builder = mlir::OpBuilder::atBlockEnd(module.getBody());
  auto made = mlir::func::FuncOp::create(
      builder, t.location(function->loc), symbol,
      builder.getFunctionType(elements(function->signature.arguments), elements(function->signature.results)));
  made.setPrivate();
  made->setAttr(tile::kDigestAttr, builder.getStringAttr(function->digest));
  t.functions.push_back({symbol, function});
  return made;
}

/// Argument `index` as the function takes it, in its own shape.
Value take_argument(Tracer &t, const DeviceFunctionCode &function, std::size_t index, const Operand &operand) {
  const DType dtype = function.signature.arguments[index];
  const std::string name = function.name;
  if (!operand.tile())
    return number(t, name.c_str(), operand, dtype, {});
  Value value = t.read(*operand.tile(), operand.loc());
  if (!info(value).pointer && info(value).dtype == dtype)
    return value;
  if (!info(value).pointer && info(value).dtype == i32 && dtype == i64)
    return convert(t, value, dtype, t.location(operand.loc()));
  t.fail(operand.loc(), "'" + name + "': argument " + std::to_string(index + 1) + " is " + text(value) +
                            ", but the function takes " + name_of(dtype) +
                            (info(value).pointer ? std::string()
                                                 : "; convert it with .to(kiln::" + std::string(name_of(dtype)) + ")"));
}

} // namespace

std::shared_ptr<const DeviceFunctionCode> detail::make_device_function(DeviceFunctionParts parts) {
  const bool cuda = parts.language == DeviceFunctionParts::Language::cuda;
  if (cuda ? !is_name(parts.name) : parts.name.empty())
    throw InvalidArgument(place(parts.loc) + ": error: a device function needs the name of a function, got '" +
                          parts.name + "'");
  auto code = std::make_shared<DeviceFunctionCode>(DeviceFunctionCode{std::move(parts), {}});
  code->digest = digest_of(*code);
  return code;
}

void detail::call_device_function(const std::shared_ptr<const DeviceFunctionCode> &function,
                                  const Operand *const *arguments, Tile *results, const Loc &loc) {
  Tracer &t = Tracer::current(loc);
  const std::size_t count = function->signature.arguments.size();
  if (t.frames.back().kind == Frame::Kind::combiner)
    t.fail(loc, "the combiner of a reduction or scan may not call a device function, here '" + function->name + "'");
  std::vector<Value> values(count);
  std::optional<Shape> shape = Shape{};
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = take_argument(t, *function, i, *arguments[i]);
    std::optional<Shape> both = broadcast_shapes(*shape, info(values[i]).shape);
    if (!both) {
      std::size_t other = 0; // the first that this one does not go with
      while (other + 1 < i && broadcast_shapes(info(values[other]).shape, info(values[i]).shape))
        ++other;
      t.fail(loc, "'" + function->name + "': shapes of " + text(values[other]) + " and " + text(values[i]) +
                      " do not match: aligned at the last dimension, sizes are equal or 1");
    }
    shape = both;
  }
  const mlir::Location location = t.location(loc);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = broadcast(t, values[i], *shape, location);
  mlir::func::FuncOp callee = declare(t, function);
  std::vector<mlir::Type> types;
  for (DType dtype : function->signature.results)
    types.push_back(make_type(t.context, dtype, *shape));
  auto call = tile::ExternCallOp::create(t.builder, location, types, callee.getName(), values, function->pure);
  for (std::size_t i = 0; i < types.size(); ++i)
    results[i] = Tracer::make(call.getResult(i));
}
