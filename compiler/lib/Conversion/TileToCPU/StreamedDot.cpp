//===- StreamedDot.cpp - Reading and multiplying in small steps -----------===//
//
// dot(q, trans(load K)) and dot(p, load V) of a decode step read each row of K and V once and multiply it with a
// handful of rows. Reading a whole tile before multiplying it leaves the memory idle while the processor computes, and
// the other way round; on the CPU neither the compiler nor the out-of-order window can overlap the two. So the tile is
// read in steps of a few rows, each step multiplied at once:
//
//   %v = tile.load ... : [64, 128]              for k0 = 0 to 64 step 8:
//   %d = tile.dot %p, %v, %c            ->        prefetch rows k0 + 8 + distance ..., read rows k0 .. k0 + 7
//                                                 acc = tile.dot %p[:, k0 .. k0 + 7], rows, acc
//
// The buffer of a step stays in the first-level cache, and the prefetches are spread over the computation instead of
// queueing up in front of it.
//
//===----------------------------------------------------------------------===//

#include "AccessLowering.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile;

namespace {

constexpr int64_t kRowsPerStep = 8;
/// Far enough that a row arrives before it is read: at 10 GB/s a core, memory that answers in 100 ns has 1 KB under
/// way; this leaves room.
constexpr int64_t kPrefetchBytes = 2048;
/// Rows of the left operand up to which a row of the right one is read for little work; beyond, the dot is bound by
/// arithmetic.
constexpr int64_t kMaxRows = 8;

/// The dot that alone uses `load`, as its right operand, perhaps transposed.
struct Use {
  DotOp dot;
  TransOp trans; // null where it is used as it is
};

std::optional<Use> findUse(LoadOp load) {
  if (!load->hasOneUse())
    return std::nullopt;
  Operation *user = *load->user_begin();
  auto trans = dyn_cast<TransOp>(user);
  if (trans) {
    if (!trans->hasOneUse())
      return std::nullopt;
    user = *trans->user_begin();
  }
  auto dot = dyn_cast<DotOp>(user);
  Value right = trans ? trans.getResult() : load.getResult();
  if (!dot || dot.getB() != right || dot.getA() == right || dot->getBlock() != load->getBlock())
    return std::nullopt;
  return Use{dot, trans};
}

/// Whether the kernel's memory may change between two operations of a block: the load moves to the dot. What other
/// loads became writes buffers only.
bool mayWriteBetween(Operation *first, Operation *last) {
  for (Operation *op = first->getNextNode(); op != last; op = op->getNextNode()) {
    WalkResult result = op->walk([](Operation *inner) {
      bool writes = isa<StoreOp, AtomicRMWOp, AtomicCASOp, ExternCallOp, LLVM::StoreOp, LLVM::AtomicRMWOp,
                        LLVM::AtomicCmpXchgOp, func::CallOp>(inner);
      return writes ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (result.wasInterrupted())
      return true;
  }
  return false;
}

Value index(OpBuilder &b, Location loc, int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }

/// Columns first .. first + count - 1 of a matrix.
Value sliceColumns(OpBuilder &b, Location loc, Value matrix, Value first, int64_t count) {
  auto type = cast<RankedTensorType>(matrix.getType());
  auto sliced = RankedTensorType::get({type.getDimSize(0), count}, type.getElementType());
  DenseElementsAttr constant;
  if (matchPattern(matrix, m_Constant(&constant)) && constant.isSplat())
    return arith::ConstantOp::create(b, loc, constant.resizeSplat(sliced));
  SmallVector<OpFoldResult> offsets{b.getIndexAttr(0), first};
  SmallVector<OpFoldResult> sizes{b.getIndexAttr(type.getDimSize(0)), b.getIndexAttr(count)};
  SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(b, loc, sliced, matrix, offsets, sizes, strides);
}

} // namespace

bool kiln::lowerStreamedDot(LoadOp load, AccessLowering &access, const AccessPlan &plan) {
  auto type = dyn_cast<RankedTensorType>(load.getType());
  if (!type || type.getRank() != 2 || plan.width == 1 || plan.mask == AccessPlan::Mask::Lane)
    return false;
  std::optional<Use> use = findUse(load);
  int64_t rows = type.getDimSize(0);
  if (!use || rows < 2 * kRowsPerStep || cast<RankedTensorType>(use->dot.getA().getType()).getDimSize(0) > kMaxRows ||
      mayWriteBetween(load, use->dot))
    return false;

  DotOp dot = use->dot;
  OpBuilder builder(dot);
  Location loc = load.getLoc();
  int64_t columns = type.getDimSize(1);
  int64_t distance = std::max<int64_t>(1, kPrefetchBytes / (columns * elementBytes(type)));
  auto stepType = RankedTensorType::get({kRowsPerStep, columns}, type.getElementType());

  // What the step's rows are, as a tensor.
  auto readStep = [&](OpBuilder &b, Value first) -> Value {
    Value buffer = memref::AllocOp::create(b, loc, MemRefType::get(stepType.getShape(), stepType.getElementType()));
    scf::ForOp::create(b, loc, index(b, loc, 0), index(b, loc, kRowsPerStep), index(b, loc, 1), ValueRange{},
                       [&](OpBuilder &inner, Location, Value i, ValueRange) {
                         Value row = arith::AddIOp::create(inner, loc, first, i);
                         Value ahead = arith::AddIOp::create(inner, loc, row, index(inner, loc, distance));
                         Value last = index(inner, loc, rows - 1);
                         access.prefetchRow(inner, arith::MinUIOp::create(inner, loc, ahead, last).getResult());
                         access.loadRow(inner, load, row, buffer, i);
                         scf::YieldOp::create(inner, loc);
                       });
    return bufferization::ToTensorOp::create(b, loc, stepType, buffer, /*restrict=*/true, /*writable=*/true);
  };

  Value init = dot.getC();
  if (use->trans)
    init = tensor::EmptyOp::create(builder, loc, cast<RankedTensorType>(dot.getType()).getShape(),
                                   getElementOrSelf(dot.getType()));
  auto loop = scf::ForOp::create(
      builder, loc, index(builder, loc, 0), index(builder, loc, rows), index(builder, loc, kRowsPerStep), init,
      [&](OpBuilder &b, Location, Value first, ValueRange carried) {
        Value right = readStep(b, first), next;
        if (use->trans) {
          auto transposed = RankedTensorType::get({columns, kRowsPerStep}, type.getElementType());
          Value turned = TransOp::create(b, loc, transposed, right, use->trans.getOrder());
          Value c = sliceColumns(b, loc, dot.getC(), first, kRowsPerStep);
          Value part = DotOp::create(b, dot.getLoc(), c.getType(), dot.getA(), turned, c, dot.getPrecision());
          SmallVector<OpFoldResult> offsets{b.getIndexAttr(0), first};
          SmallVector<OpFoldResult> sizes{b.getIndexAttr(cast<RankedTensorType>(c.getType()).getDimSize(0)),
                                          b.getIndexAttr(kRowsPerStep)};
          SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
          next = tensor::InsertSliceOp::create(b, loc, part, carried[0], offsets, sizes, strides);
        } else {
          Value left = sliceColumns(b, loc, dot.getA(), first, kRowsPerStep);
          next = DotOp::create(b, dot.getLoc(), dot.getType(), left, right, carried[0], dot.getPrecision());
        }
        scf::YieldOp::create(b, loc, next);
      });
  dot.replaceAllUsesWith(loop.getResult(0));
  dot.erase();
  if (use->trans)
    use->trans.erase();
  load.erase();
  return true;
}
