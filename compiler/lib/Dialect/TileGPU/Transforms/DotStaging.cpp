//===- DotStaging.cpp - Operands of a dot in shared memory ----------------===//

#include "kiln/Dialect/TileGPU/Transforms/DotStaging.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

/// What a kernel may have without asking for more, on every GPU.
static constexpr int64_t kMaxBytes = 48 * 1024;

DotStaging::DotStaging(tile::DotOp dot) {
  auto a = cast<RankedTensorType>(dot.getA().getType()), c = cast<RankedTensorType>(dot.getC().getType());
  m = c.getDimSize(0);
  n = c.getDimSize(1);
  k = a.getDimSize(1);
  elementBytes = c.getElementTypeBitWidth() / 8;
  setChunk(k);
  while (bytes > kMaxBytes && chunk > 1)
    setChunk(chunk / 2);
}

void DotStaging::setChunk(int64_t size) {
  chunk = size;
  // 16 bytes more than the row is long: lanes that read the same columns of neighbouring rows meet different banks.
  strideA = chunk + getVector();
  strideB = n + getVector();
  offsetB = (m * strideA * elementBytes + 15) / 16 * 16;
  bytes = offsetB + chunk * strideB * elementBytes;
}
