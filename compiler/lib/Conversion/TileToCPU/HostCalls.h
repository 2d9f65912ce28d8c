//===- HostCalls.h - Device functions on the host ---------------*- C++ -*-===//

#ifndef KILN_LIB_CONVERSION_TILETOCPU_HOSTCALLS_H
#define KILN_LIB_CONVERSION_TILETOCPU_HOSTCALLS_H

#include "kiln/Dialect/Tile/IR/Tile.h"

namespace kiln {

/// Replaces the call by one of the host implementation for all elements: the arguments are written to buffers, and the
/// results are read from others. DeviceFunctions.h has the names and the signature.
void lowerHostCall(tile::ExternCallOp op);

} // namespace kiln

#endif // KILN_LIB_CONVERSION_TILETOCPU_HOSTCALLS_H
