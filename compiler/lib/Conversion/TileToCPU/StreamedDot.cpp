//===- StreamedDot.cpp - Reading and multiplying in small steps -----------===//
//
// dot(q, trans(load K)) and dot(p, load V) of a decode step read each row of K and V once and multiply it with a
// handful of rows. Reading a whole tile before multiplying it leaves the memory idle while the processor computes, and
// the other way round; on the CPU neither the compiler nor the out-of-order window can overlap the two. So the tile is
// never stored: the dot takes eight rows at a time from where they lie,
//
//   for k0 = 0 to 64 step 8:
//     rows   = addresses of rows k0 .. k0 + 7; of a row whose mask is off, that of a row of zeros
//     prefetch rows k0 + distance .. k0 + distance + 7
//     acc   += %p[:, k0 .. k0 + 7] * rows
//
// and the prefetches are spread over the computation instead of queueing up in front of it.
//
//===----------------------------------------------------------------------===//

#include "AccessLowering.h"
#include "Contraction.h"
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

bool isZero(Value tile) {
  DenseElementsAttr constant;
  if (!tile)
    return true;
  return matchPattern(tile, m_Constant(&constant)) && constant.isSplat() &&
         (matchPattern(tile, m_AnyZeroFloat()) || matchPattern(tile, m_Zero()));
}

/// A row of zeros of the kernel's own, at least `bytes` long.
Value zeroRow(OpBuilder &builder, Location loc, ModuleOp module, int64_t bytes) {
  std::string name = ("kiln.zeros." + Twine(bytes)).str();
  if (!module.lookupSymbol(name)) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    auto type = LLVM::LLVMArrayType::get(top.getI8Type(), bytes);
    auto value = DenseElementsAttr::get(RankedTensorType::get({bytes}, top.getI8Type()), static_cast<int8_t>(0));
    LLVM::GlobalOp::create(top, loc, type, /*isConstant=*/true, LLVM::Linkage::Internal, name, value, /*alignment=*/64);
  }
  return LLVM::AddressOfOp::create(builder, loc, LLVM::LLVMPointerType::get(builder.getContext()), name);
}

/// The rows of a loaded tile, in memory.
class StreamedRows : public RightRows {
public:
  StreamedRows(LoadOp load, AccessLowering &access, Value zeros) : loc(load.getLoc()), access(access), zeros(zeros) {
    auto type = cast<RankedTensorType>(load.getType());
    element = type.getElementType();
    rowCount = type.getDimSize(0);
    rowBytes = type.getDimSize(1) * elementBytes(element);
  }

  void enter(OpBuilder &builder, Value first, int64_t count) override {
    pointers.clear();
    ahead.clear();
    // Rows past the end of the tile are the next iteration's, whose addresses are not known yet.
    Value last = arith::ConstantIndexOp::create(builder, loc, rowCount - 1);
    int64_t distance = std::max(count, kPrefetchBytes / rowBytes);
    for (int64_t row = 0; row < count; ++row) {
      pointers.push_back(pointerTo(builder, plus(builder, first, row)));
      Value later = plus(builder, first, distance + row);
      ahead.push_back(pointerTo(builder, arith::MinUIOp::create(builder, loc, later, last)));
    }
  }

  void prefetch(OpBuilder &builder, int64_t row, Value column) override {
    constexpr int64_t kCacheLine = 64;
    if (column) {
      for (Value pointer : ahead)
        prefetchLine(builder, addressOf(builder, pointer, column));
      return;
    }
    for (int32_t offset = 0; offset < rowBytes; offset += kCacheLine)
      prefetchLine(builder, LLVM::GEPOp::create(builder, loc, zeros.getType(), builder.getI8Type(), ahead[row],
                                                ArrayRef<LLVM::GEPArg>{offset}));
  }

  Value run(OpBuilder &builder, int64_t row, Value column, int64_t width) override {
    Value at = addressOf(builder, pointers[row], column);
    return LLVM::LoadOp::create(builder, loc, VectorType::get({width}, element), at, elementBytes(element));
  }

private:
  Value plus(OpBuilder &builder, Value base, int64_t by) {
    return arith::AddIOp::create(builder, loc, base, arith::ConstantIndexOp::create(builder, loc, by));
  }
  Value pointerTo(OpBuilder &builder, Value row) { return access.rowPointer(builder, row, zeros); }

  Value addressOf(OpBuilder &builder, Value row, Value column) {
    Value offset = arith::IndexCastOp::create(builder, loc, builder.getI64Type(), column);
    return LLVM::GEPOp::create(builder, loc, zeros.getType(), element, row, ArrayRef<LLVM::GEPArg>{offset});
  }
  void prefetchLine(OpBuilder &builder, Value address) {
    LLVM::Prefetch::create(builder, loc, address, /*rw=*/0, /*hint=*/3, /*cache=*/1);
  }

  Location loc;
  AccessLowering &access;
  Value zeros;
  Type element;
  int64_t rowCount, rowBytes;
  SmallVector<Value> pointers, ahead; // of the announced rows, and of those to come
};

} // namespace

bool kiln::lowerStreamedDot(LoadOp load, AccessLowering &access, const AccessPlan &plan, int64_t vectorBits) {
  auto type = dyn_cast<RankedTensorType>(load.getType());
  if (!type || type.getRank() != 2 || plan.contiguity < type.getDimSize(1) || plan.mask == AccessPlan::Mask::Lane ||
      !isZero(load.getOther()))
    return false;
  std::optional<Use> use = findUse(load);
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  if (!use || rows < 2 * kRowsPerStep || cast<RankedTensorType>(use->dot.getA().getType()).getDimSize(0) > kMaxRows ||
      mayWriteBetween(load, use->dot))
    return false;

  DotOp dot = use->dot;
  OpBuilder builder(dot);
  Location loc = dot.getLoc();
  auto resultType = cast<RankedTensorType>(dot.getType());
  Type wide = resultType.getElementType();
  Value a = dot.getA();
  if (getElementOrSelf(a.getType()) != wide) {
    Type to = withElementType(a.getType(), wide);
    a = isa<FloatType>(wide) ? arith::ExtFOp::create(builder, loc, to, a).getResult()
                             : arith::ExtSIOp::create(builder, loc, to, a).getResult();
  }
  auto bufferType = MemRefType::get(resultType.getShape(), wide);
  // Along k the sums are kept in a copy of c; along n every element is written once. The copy is what makes the buffer
  // this dot's own: to_buffer is pure, so that two of them may become one, and the bufferization does not see that what
  // is written through a buffer is read through another.
  Value c = dot.getC(), result;
  if (use->trans) {
    result = memref::AllocOp::create(builder, loc, bufferType);
  } else {
    Value own = bufferization::AllocTensorOp::create(builder, loc, resultType, ValueRange{}, /*copy=*/c);
    c = result = bufferization::ToBufferOp::create(builder, loc, bufferType, own);
  }

  StreamedRows right(load, access,
                     zeroRow(builder, loc, load->getParentOfType<ModuleOp>(), columns * elementBytes(type)));
  int64_t n = use->trans ? rows : columns, k = use->trans ? columns : rows;
  emitContraction(builder, loc,
                  {a, right, c, result, use->trans != nullptr, resultType.getDimSize(0), n, k, kRowsPerStep},
                  vectorBits);
  dot.replaceAllUsesWith(
      bufferization::ToTensorOp::create(builder, loc, resultType, result, /*restrict=*/true, /*writable=*/true)
          .getResult());
  dot.erase();
  if (use->trans)
    use->trans.erase();
  load.erase();
  return true;
}
