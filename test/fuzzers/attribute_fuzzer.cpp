// The parsers and verifiers of the dialects' own syntax: layouts, rings, pointers, and the types of memory operations.
// The first byte says which; the rest is what stands between the brackets, or an operation.
#include "fuzzer.h"

#include "kiln/Dialect/Tile/IR/Tile.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

using namespace kiln::fuzz;

namespace {

template <class T>
std::string printed(const T &value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return text;
}

/// Made anew now and then, for it keeps every attribute that it has seen.
mlir::MLIRContext &context_for_input() {
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned inputs = 0;
  if (inputs++ % 1000 == 0) {
    context = std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
    context->loadDialect<kiln::tile::TileDialect, kiln::tile_gpu::TileGPUDialect, mlir::func::FuncDialect,
                         mlir::arith::ArithDialect>();
  }
  return *context;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  if (size == 0 || size > 2000)
    return 0;
  mlir::MLIRContext &context = context_for_input();
  mlir::ScopedDiagnosticHandler quiet(&context, [](mlir::Diagnostic &) { return mlir::success(); });
  const std::string text(text_of({data + 1, size - 1}));
  const auto attribute = [&](const std::string &whole) {
    if (mlir::Attribute parsed = mlir::parseAttribute(whole, &context))
      expect(mlir::parseAttribute(printed(parsed), &context) == parsed, "an attribute survives as text");
  };
  const auto type = [&](const std::string &whole) {
    if (mlir::Type parsed = mlir::parseType(whole, &context))
      expect(mlir::parseType(printed(parsed), &context) == parsed, "a type survives as text");
  };
  switch (data[0] % 5) {
  case 0:
    attribute("#tile_gpu.layout<" + text + ">");
    break;
  case 1:
    attribute("#tile_gpu.shared_layout<" + text + ">");
    break;
  case 2:
    type("!tile_gpu.ring<" + text + ">");
    break;
  case 3:
    type("!tile.ptr<" + text + ">");
    break;
  default:
    // Each operand under a name of one letter.
    if (mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(
            "func.func @f(%p: tensor<64x!tile.ptr<f16>>, %q: !tile.ptr<i32>, %i: tensor<64xi32>, %m: tensor<64xi1>, "
            "%v: tensor<64xf16>, %x: i32) {\n" +
                text + "\nreturn }",
            &context))
      (void)printed(**module);
  }
  return 0;
}
