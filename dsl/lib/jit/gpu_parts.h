// What compiling for a GPU and for an emulated one have in common.
#pragma once

#include "jit/executable.h"

#include "kiln/Target/NVPTX/GPUCompiler.h"

namespace kiln::jit {

/// The architecture of `subject`. Throws CompileError where Kiln generates no code for it.
const gpu::GPUTarget &target_of(const Subject &subject);

/// Fills in threads, shared memory and accesses.
void fill_report(const gpu::CompiledKernel &kernel, CompileReport &report);

/// Reads the kernel from the file in KILN_OVERRIDE_DIR that takes its place, if there is one. Throws CompileError where
/// that is none.
void override_tile(detail::TracedKernel &traced, const Subject &subject);

} // namespace kiln::jit
