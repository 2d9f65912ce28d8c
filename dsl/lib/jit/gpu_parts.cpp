#include "jit/gpu_parts.h"

#include "jit/diagnostics.h"
#include "jit/dump.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

using namespace kiln;
using namespace kiln::jit;

const gpu::GPUTarget &jit::target_of(const Subject &subject) {
  for (const gpu::GPUTarget &target : gpu::GPUTarget::all())
    if (target.name == subject.arch)
      return target;
  throw CompileError("error: Kiln does not generate code for " + subject.arch + "\n" + subject.note("compiling"));
}

void jit::fill_report(const gpu::CompiledKernel &kernel, CompileReport &report) {
  report.threads = static_cast<unsigned>(kernel.numWarps) * 32;
  report.shared_bytes = kernel.sharedBytes;
  for (const gpu::SharedBuffer &buffer : kernel.sharedBuffers)
    report.shared_buffers.push_back({buffer.operation, buffer.place, static_cast<std::size_t>(buffer.offset),
                                     static_cast<std::size_t>(buffer.bytes)});
  for (const tile_gpu::AccessRecord &record : kernel.accesses)
    report.accesses.push_back({.place = record.place,
                               .operation = tile_gpu::describe(record.kind).str(),
                               .type = record.type,
                               .vector_bits = record.bits,
                               .count = record.count,
                               .predicated = record.predicated,
                               .read_only = record.readOnly,
                               .reason = tile_gpu::describe(record.limit).str(),
                               .pipeline = record.pipeline,
                               .evict_first = record.evictFirst});
}

void jit::override_tile(detail::TracedKernel &traced, const Subject &subject) {
  const std::optional<std::string> text = override_for("tile", subject);
  if (!text)
    return;
  CapturedDiagnostics diagnostics(traced.context.get());
  auto module = mlir::parseSourceString<mlir::ModuleOp>(*text, traced.context.get());
  if (!module)
    throw_compile_error(diagnostics, "the file in KILN_OVERRIDE_DIR cannot be parsed", {}, subject);
  if (!module->lookupSymbol<mlir::func::FuncOp>(subject.kernel))
    throw CompileError("error: KILN_OVERRIDE_DIR: the file holds no kernel '" + subject.kernel + "'");
  traced.module = std::move(module);
}
