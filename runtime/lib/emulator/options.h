// EmulatorOptions of the environment.
#pragma once

#include "kiln/emulator.h"

namespace kiln::runtime::emulator {

/// The options that a value of KILN_EMULATOR_SEED stands for; null is none.
/// \throws InvalidArgument for what is no number.
EmulatorOptions options_from_seed(const char *seed);

} // namespace kiln::runtime::emulator
