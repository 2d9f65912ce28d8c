// The element types that the kernel library is built for.
#pragma once

#include "kiln/export.h"
#include "kiln/float_types.h"

/// Expands MACRO(T) for each of them.
#define KILN_KERNELS_FOR_EACH_TYPE(MACRO) MACRO(half) MACRO(bfloat16) MACRO(float)
