// What the just-in-time compiler asks of the tracer.
#pragma once

#include "device_function.h"

#include "kiln/kernel.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <vector>

namespace kiln::detail {

/// A kernel as IR, in a context of its own: kernels are compiled in parallel and share nothing.
struct TracedKernel {
  std::unique_ptr<mlir::MLIRContext> context;    // without threads; holds the dialects that a trace uses
  mlir::OwningOpRef<mlir::ModuleOp> module;      // verified; one function, named after the kernel, and what it calls
  std::vector<DeviceFunctionUse> functions = {}; // that it calls; all of them are declared in the module
};

/// What is said of a kernel function that would trace itself.
inline constexpr const char *own_kernel =
    "a kernel function cannot launch or compile its own kernel with the config it is being traced for";

/// Runs the kernel function for one config and returns what it described. Throws TraceError, LaunchError where it is
/// running for that config already, and whatever the function itself throws.
TracedKernel trace_kernel(const KernelBase &kernel, const ConfigView &config);

} // namespace kiln::detail
