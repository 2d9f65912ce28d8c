#pragma once

#include "kiln/export.h"

namespace kiln {

/// The version of the loaded runtime library, "major.minor.patch".
KILN_API const char *version();

} // namespace kiln
