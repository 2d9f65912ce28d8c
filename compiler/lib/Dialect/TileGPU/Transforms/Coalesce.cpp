//===- Coalesce.cpp - tile-gpu-coalesce -----------------------------------===//
//
// Which thread accesses which element. A thread moves up to 16 neighbouring bytes with one instruction, and what the 32
// lanes of a warp access together should be whole lines of 128 bytes. So neighbours along the dimension in which the
// pointers are contiguous go to one thread first, then to the lanes; what is left of the lanes goes to the next
// dimension, and warps go to the outermost dimensions, so that rows stay within a warp for reductions. For example 64
// rows of 128 bf16, as 4 warps read them from a paged K/V cache: 8 elements a thread, 16 lanes a row, 2 rows a warp.
//
// Accesses of one shape get one layout where that costs them nothing, so that what is loaded, computed and stored stays
// where it is. Where their widest vectors have different numbers of elements (bf16 is read, f32 is written) all take
// the smallest number: lanes side by side still access whole lines, while more elements than an access can take at once
// would leave gaps between the lanes.
//
// Where a table says where each row is, and several rows in turn have one entry, as the tokens of a page have, a thread
// gets rows that share an entry, so that it looks up and computes the place of few.
//
//===----------------------------------------------------------------------===//

#include "kiln/Analysis/AccessWidth.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "llvm/Support/MathExtras.h"
#include <map>

namespace kiln::tile_gpu {
#define GEN_PASS_DEF_COALESCE
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"
} // namespace kiln::tile_gpu

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

/// What 32 lanes need to access, each, to cover a line of 128 bytes.
constexpr int64_t kFullLineBytes = 4;

struct Access {
  Operation *op = nullptr;
  SmallVector<int64_t> shape;
  SmallVector<unsigned> order;
  int64_t bytes = 0;             ///< of an element
  int64_t contiguity = 1;        ///< along order[0]
  tile::VectorLimit vector = {}; ///< what the facts permit along order[0]
  int64_t repetition = 1;        ///< elements in turn that are the same, along all dimensions
  int64_t run = 1; ///< along order[1], elements in turn whose place is looked up under the same entry of a table
  bool isLoad = false, isAtomic = false;
};

/// How many elements in turn along an axis of `size` have their places from the same entry of a table: of the loads
/// that a pointer is computed from, those that have an entry for each.
int64_t getTableRun(Value pointer, int64_t size, const tile::AxisFactsAnalysis &facts) {
  int64_t run = 1;
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.omitBlockArguments = true;
  options.filter = [](Operation *op) { return op->getNumRegions() == 0; };
  if (failed(getBackwardSlice(pointer, &slice, options)))
    return 1;
  for (Operation *op : slice)
    if (auto load = dyn_cast<tile::LoadOp>(op))
      if (auto type = dyn_cast<RankedTensorType>(load.getType()); type && type.getNumElements() == size)
        for (unsigned axis = 0; axis < type.getRank(); ++axis)
          run = std::max(run, facts.get(load.getResult()).getConstancy(axis));
  return run;
}

/// Accesses of one shape that walk the dimensions in the same order.
using Group = std::pair<SmallVector<int64_t>, SmallVector<unsigned>>;

std::optional<Access> describeAccess(Operation *op, const tile::AxisFactsAnalysis &facts) {
  Access access;
  access.op = op;
  Value pointer, mask;
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    pointer = load.getPointer();
    mask = load.getMask();
    access.isLoad = true;
  } else if (auto store = dyn_cast<tile::StoreOp>(op)) {
    pointer = store.getPointer();
    mask = store.getMask();
  } else if (auto rmw = dyn_cast<tile::AtomicRMWOp>(op)) {
    pointer = rmw.getPointer();
    access.isAtomic = true;
  } else if (auto cas = dyn_cast<tile::AtomicCASOp>(op)) {
    pointer = cas.getPointer();
    access.isAtomic = true;
  }
  auto type = pointer ? dyn_cast<RankedTensorType>(pointer.getType()) : RankedTensorType();
  if (!type)
    return std::nullopt;
  tile::AxisFacts pointerFacts = facts.get(pointer);
  access.shape.assign(type.getShape().begin(), type.getShape().end());
  llvm::append_range(access.order, tile::getAccessOrder(pointerFacts));
  access.bytes = cast<tile::PtrType>(type.getElementType()).getElementBytes();
  access.contiguity = pointerFacts.getContiguity(access.order[0]);
  if (access.isLoad) {
    tile::AxisFacts resultFacts = facts.get(op->getResult(0));
    for (unsigned axis = 0; axis < resultFacts.getNumAxes(); ++axis)
      access.repetition *= resultFacts.getConstancy(axis);
  }
  if (access.isLoad && access.order.size() > 1)
    access.run = getTableRun(pointer, access.shape[access.order[1]], facts);
  if (!access.isAtomic) {
    std::optional<tile::AxisFacts> maskFacts;
    if (mask)
      maskFacts = facts.get(mask);
    access.vector =
        tile::getVectorLimit(pointerFacts, maskFacts ? &*maskFacts : nullptr, access.order[0], access.bytes);
  }
  return access;
}

/// How many neighbours a thread should hold for the accesses of a group.
int64_t getCommonElements(ArrayRef<const Access *> group) {
  int64_t smallest = INT64_MAX, fullLine = 1, largest = 1;
  for (const Access *access : group) {
    largest = std::max(largest, access->vector.elements);
    if (access->vector.limit != tile::AccessLimit::None)
      continue;
    smallest = std::min(smallest, access->vector.elements);
    fullLine = std::max(fullLine, kFullLineBytes / access->bytes);
  }
  return smallest == INT64_MAX ? largest : std::max(smallest, fullLine);
}

/// A thread holds `elements` neighbours, and up to `run` rows of them in turn.
LinearLayout makeLayout(const Access &access, int64_t elements, int64_t run, int64_t numWarps) {
  unsigned rank = access.shape.size();
  Blocking blocking;
  blocking.elements.assign(rank, 1);
  blocking.lanes.assign(rank, 1);
  blocking.warps.assign(rank, 1);
  llvm::append_range(blocking.order, access.order);
  blocking.elements[access.order[0]] = elements;
  if (run > 1) {
    int64_t held = llvm::product_of(access.shape) / (elements * (numWarps << kLaneBits));
    int64_t &rows = blocking.elements[access.order[1]];
    rows = std::min({run, std::max<int64_t>(held, 1), access.shape[access.order[1]]});
  }
  int64_t lanes = int64_t(1) << kLaneBits, warps = numWarps;
  for (unsigned dim : access.order) {
    blocking.lanes[dim] = std::min(lanes, access.shape[dim] / blocking.elements[dim]);
    lanes /= blocking.lanes[dim];
  }
  for (unsigned dim : llvm::reverse(access.order)) {
    blocking.warps[dim] = std::min(warps, access.shape[dim] / (blocking.elements[dim] * blocking.lanes[dim]));
    warps /= blocking.warps[dim];
  }
  // Threads that the tile has no element for hold the elements of others.
  blocking.lanes[access.order.back()] *= lanes;
  blocking.warps[access.order.back()] *= warps;
  return blockedLayout(access.shape, blocking);
}

LogicalResult coalesce(func::FuncOp kernel, const tile::AxisFactsAnalysis &facts) {
  int64_t numWarps = getNumWarps(kernel);
  if (!llvm::isPowerOf2_64(numWarps) || numWarps > 32)
    return kernel.emitOpError() << "has '" << tile::kNumWarpsAttr << "' = " << numWarps
                                << ", but a program on a GPU has a power of two from 1 to 32";
  int64_t threads = numWarps << kLaneBits;

  SmallVector<Access> accesses;
  kernel.walk([&](Operation *op) {
    if (std::optional<Access> access = describeAccess(op, facts))
      accesses.push_back(*access);
  });
  std::map<Group, SmallVector<const Access *>> groups;
  for (const Access &access : accesses)
    groups[{access.shape, access.order}].push_back(&access);

  for (const Access &access : accesses) {
    int64_t count = llvm::product_of(access.shape);
    // Few elements are loaded where they are used, by all threads that need them.
    if (access.isLoad && count / access.repetition < threads)
      continue;
    int64_t elements = getCommonElements(groups[{access.shape, access.order}]);
    // Neighbouring lanes write neighbouring elements, even if what is written has to move for it: no cache collects
    // small pieces of a line. Scattered elements have no neighbours.
    if (!access.isLoad && access.contiguity > 1)
      elements = std::min(elements, access.vector.elements);
    elements = std::min({elements, std::max<int64_t>(count / threads, 1), access.shape[access.order[0]]});
    int64_t run = 1;
    for (const Access *other : groups[{access.shape, access.order}])
      run = std::max(run, other->run);
    access.op->setAttr(kLayoutAttr, LayoutAttr::get(kernel.getContext(), makeLayout(access, elements, run, numWarps)));
  }
  return success();
}

struct CoalescePass : tile_gpu::impl::CoalesceBase<CoalescePass> {
  void runOnOperation() override {
    tile::AxisFactsAnalysis facts(getOperation());
    WalkResult result = getOperation()->walk([&](func::FuncOp function) {
      return !tile::isKernel(function) || succeeded(coalesce(function, facts)) ? WalkResult::advance()
                                                                               : WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
