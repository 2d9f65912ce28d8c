// The language and the launch of kernels: what a file with kernels includes.
#pragma once

#include "kiln/config.h"
#include "kiln/control.h"
#include "kiln/cuda.h"
#include "kiln/device.h"
#include "kiln/device_function.h"
#include "kiln/device_memory.h"
#include "kiln/dtype.h"
#include "kiln/error.h"
#include "kiln/float_types.h"
#include "kiln/kernel.h"
#include "kiln/ops.h"
#include "kiln/tile.h"
