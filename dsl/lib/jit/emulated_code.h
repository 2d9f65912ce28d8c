// From what the compiler made for an emulated device to what the runtime runs. Compiler and runtime know nothing of
// each other, so each has types of its own for the same things.
#pragma once

#include "kiln/Target/Emulator/EmulatorTarget.h"
#include "kiln/runtime/emulator.h"

#include <string>

namespace kiln::jit {

/// The code of `kernel`, which must live as long as what is made of it. `note` ends messages.
runtime::EmulatedKernel::Code emulated_code(const emulator::CompiledKernel &kernel, std::string name, std::string arch,
                                            std::string note);

} // namespace kiln::jit
