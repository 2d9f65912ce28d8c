// From a kernel function to a verified module.
#include "tracer.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

#include <bit>

using namespace kiln;
using namespace kiln::detail;

namespace {

std::unique_ptr<mlir::MLIRContext> make_context() {
  auto context = std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
  context->printOpOnDiagnostic(false); // errors name lines of the kernel, not IR
  context->loadDialect<mlir::arith::ArithDialect, mlir::func::FuncDialect, mlir::math::MathDialect,
                       mlir::scf::SCFDialect, tile::TileDialect>();
  return context;
}

mlir::func::FuncOp make_function(Tracer &t, const KernelBase &kernel, const ConfigView &config) {
  llvm::SmallVector<mlir::Type> types;
  for (std::size_t i = 0; i < kernel.num_params(); ++i) {
    const ParamInfo &param = kernel.params()[i];
    mlir::Type element = element_type(t.context, param.dtype);
    types.push_back(param.pointer ? mlir::Type(tile::PtrType::get(element)) : element);
  }
  auto function = mlir::func::FuncOp::create(t.builder, t.builder.getUnknownLoc(), kernel.name(),
                                             t.builder.getFunctionType(types, {}));
  function->setAttr(tile::kKernelAttr, t.builder.getUnitAttr());
  if (config.num_warps != 0)
    function->setAttr(tile::kNumWarpsAttr, t.builder.getI32IntegerAttr(config.num_warps));
  for (std::size_t i = 0; i < kernel.num_params(); ++i)
    if (kernel.params()[i].pointer && kernel.params()[i].read_only)
      function.setArgAttr(i, tile::kReadOnlyAttr, t.builder.getUnitAttr());
  return function;
}

void verify(Tracer &t, mlir::ModuleOp module) {
  std::string where, what;
  mlir::ScopedDiagnosticHandler handler(&t.context, [&](mlir::Diagnostic &diagnostic) {
    if (what.empty()) {
      where = place(diagnostic.getLocation());
      what = diagnostic.str();
    }
    return mlir::success();
  });
  if (failed(mlir::verify(module)))
    t.fail_at(where, "the traced kernel is not valid: " + what);
}

} // namespace

TracedKernel detail::trace_kernel(const KernelBase &kernel, const ConfigView &config) {
  // It would trace itself again, and so on. A launch and a compile for a device are mostly refused before, in these
  // words.
  if (Tracer::is_tracing(kernel, config))
    throw LaunchError(own_kernel);
  TracedKernel traced{make_context(), {}, {}};
  traced.module = mlir::ModuleOp::create(mlir::UnknownLoc::get(traced.context.get()));
  Tracer t(kernel, config, *traced.context);
  if (config.num_warps < 0 || config.num_warps > 32 ||
      (config.num_warps != 0 && !std::has_single_bit(unsigned(config.num_warps))))
    t.fail_at("", "num_warps is a power of two from 1 to 32, got " + std::to_string(config.num_warps));
  t.builder.setInsertionPointToEnd(traced.module->getBody());
  mlir::func::FuncOp function = make_function(t, kernel, config);
  t.enter(*function.addEntryBlock());

  const std::uint64_t first_serial = t.reserve_serials(kernel.num_params());
  std::vector<ParamBinding> bindings;
  for (std::size_t i = 0; i < kernel.num_params(); ++i)
    bindings.push_back({function.getArgument(i).getAsOpaquePointer(), first_serial + i});
  kernel.invoke(config.config, bindings.data());
  if (!t.deferred.empty())
    throw TraceError(t.deferred);
  t.check_writes();
  mlir::func::ReturnOp::create(t.builder, function.getLoc());

  // C++ does not say where a function stands; line information takes its first operation's file for its own.
  function.getBody().walk<mlir::WalkOrder::PreOrder>([&](mlir::Operation *op) {
    mlir::Location location = op->getLoc();
    while (auto call = llvm::dyn_cast<mlir::CallSiteLoc>(location))
      location = call.getCaller();
    if (!llvm::isa<mlir::FileLineColLoc>(location))
      return mlir::WalkResult::advance();
    function->setLoc(location);
    return mlir::WalkResult::interrupt();
  });

  // Constants are made where they are first needed, and folding leaves some without a use.
  function.walk([](mlir::arith::ConstantOp constant) {
    if (constant->use_empty())
      constant->erase();
  });
  verify(t, *traced.module);
  traced.functions = std::move(t.functions);
  return traced;
}
