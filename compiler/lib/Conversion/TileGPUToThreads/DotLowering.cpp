//===- DotLowering.cpp - Matrix products by threads -----------------------===//
//
// Products that tensor cores do not compute as exactly as they should: of f32 and f64, and very short ones. The
// operands are staged in shared memory as DotStaging says; each thread then reads, for a few k at a time, the rows of
// `a` and the columns of `b` that its elements of the result need. A row of `a` is read along k and a row of `b` along
// n, in vectors. All products go into one sum for each element, k by k.
//
//===----------------------------------------------------------------------===//

#include "Lowerings.h"

#include "kiln/Dialect/TileGPU/Transforms/DotStaging.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

/// What the bits of lane and warp contribute to a coordinate.
struct ThreadCoordinate {
  ThreadCoordinate(ThreadLowering &lowering, const LinearLayout &layout, unsigned dim) {
    Axis axis = Axis::dim(dim);
    value = lowering.getThreadPart(layout, axis);
    for (Axis from : {Axis::lane(), Axis::warp()})
      for (uint64_t basis : layout.getBases(from))
        bits |= layout.getOutput().getCoordinate(basis, axis);
  }
  Value value;
  uint64_t bits = 0; ///< those that it may have
};

/// How many neighbours along dimension `dim`, a power of two up to `most`, every thread holds in registers of its own,
/// aligned; `registers` are those that the first one's differs in.
struct Neighbours {
  Neighbours(const LinearLayout &layout, unsigned dim, int64_t most) {
    unsigned shift = layout.getOutput().getShift(Axis::dim(dim));
    ArrayRef<uint64_t> bases = layout.getBases(Axis::registers());
    while (count < most) {
      uint64_t bit = uint64_t(count) << shift;
      const auto *found = llvm::find(bases, bit);
      // Another basis with this bit would permute the neighbours from thread to thread.
      if (found == bases.end() || llvm::count_if(layout.getBases(), [&](uint64_t b) { return (b & bit) != 0; }) != 1)
        return;
      registerBits.push_back(found - bases.begin());
      count *= 2;
    }
  }
  /// Whether `reg` holds the first of its neighbours.
  bool isFirst(unsigned reg) const {
    return llvm::none_of(registerBits, [&](unsigned bit) { return reg >> bit & 1; });
  }
  /// The register of neighbour `index` of the one in `reg`.
  unsigned get(unsigned reg, unsigned index) const {
    for (auto [i, bit] : llvm::enumerate(registerBits))
      reg |= (index >> i & 1) << bit;
    return reg;
  }
  int64_t count = 1;
  SmallVector<unsigned, 2> registerBits;
};

class DotLowering {
public:
  DotLowering(ThreadLowering &lowering, tile::DotOp op)
      : lowering(lowering), builder(lowering.builder), loc(lowering.loc), op(op), staging(op),
        element(tile::getElementOrSelf(op.getC().getType())), base(lowering.getSharedAddress(op)) {}

  void run();

private:
  /// Writes the elements of an operand whose k is in chunk number `index`. `dimK` is its dimension of K.
  void stage(Value operand, unsigned dimK, int64_t index, int64_t offset, int64_t stride);
  /// Adds the products of the chunk in shared memory to `sums`.
  void accumulate(SmallVector<Value> &sums);
  /// The products of `count` k from `k` on, which lie `byteA` and `byteB` behind the start of the thread's addresses.
  void addProducts(SmallVector<Value> &sums, int64_t count, int64_t k, Value byteA, Value byteB);

  Value widen(Value value);
  Value multiplyAdd(Value x, Value y, Value sum);
  /// "ld.shared" or "st.shared" of `count` elements.
  std::string access(StringRef operation, int64_t count) const;
  SmallVector<Value> load(Value address, int64_t count);
  /// The byte that an element lies behind the base, where its coordinates are those of the thread and constants.
  Value getAddress(const ThreadCoordinate &row, uint64_t rowConstant, const ThreadCoordinate &column,
                   uint64_t columnConstant, int64_t stride, int64_t offset);
  Value multiply(Value value, int64_t factor) {
    return arith::MulIOp::create(builder, loc, value, lowering.i32(factor));
  }

  ThreadLowering &lowering;
  OpBuilder &builder;
  Location loc;
  tile::DotOp op;
  DotStaging staging;
  Type element;
  Value base;

  // The result's elements of a thread: rows and columns at lane 0 of warp 0.
  llvm::SetVector<uint64_t> rows, columns; // the first ones of neighbours
  DenseMap<std::pair<uint64_t, uint64_t>, unsigned> registerOf;
  int64_t neighbours = 1; // along a row
  DenseMap<uint64_t, Value> addressA, addressB;
};

Value DotLowering::widen(Value value) {
  if (value.getType() == element)
    return value;
  if (isa<FloatType>(element))
    return arith::ExtFOp::create(builder, loc, element, value);
  return arith::ExtSIOp::create(builder, loc, element, value);
}

Value DotLowering::multiplyAdd(Value x, Value y, Value sum) {
  if (isa<FloatType>(element))
    return math::FmaOp::create(builder, loc, x, y, sum);
  return lowering.add(arith::MulIOp::create(builder, loc, x, y), sum);
}

std::string DotLowering::access(StringRef operation, int64_t count) const {
  std::string vector = count == 1 ? "" : "v" + std::to_string(count) + ".";
  return (operation + "." + vector + "b" + Twine(staging.elementBytes * 8)).str();
}

SmallVector<Value> DotLowering::load(Value address, int64_t count) {
  return llvm::map_to_vector(lowering.machineResults(access("ld.shared", count), address),
                             [&](Value bits) { return lowering.fromBits(bits, element); });
}

Value DotLowering::getAddress(const ThreadCoordinate &row, uint64_t rowConstant, const ThreadCoordinate &column,
                              uint64_t columnConstant, int64_t stride, int64_t offset) {
  // Where no bits meet, what is constant is one addend at the end, which the access adds for nothing.
  uint64_t constant = 0;
  Value r = row.value, c = column.value;
  if (row.bits & rowConstant)
    r = lowering.combine(r, row.bits, rowConstant);
  else
    constant += rowConstant * stride;
  if (column.bits & columnConstant)
    c = lowering.combine(c, column.bits, columnConstant);
  else
    constant += columnConstant;
  Value index = lowering.add(multiply(r, stride), c);
  Value address = lowering.add(base, multiply(index, staging.elementBytes));
  return lowering.add(address, lowering.i32(constant * staging.elementBytes + offset));
}

void DotLowering::stage(Value operand, unsigned dimK, int64_t index, int64_t offset, int64_t stride) {
  LinearLayout layout = getLayout(operand).getLinear();
  SmallVector<Value> elements = lowering.getRegisters(operand);
  ThreadCoordinate row(lowering, layout, 0), column(lowering, layout, 1);
  const ThreadCoordinate &k = dimK == 0 ? row : column;
  const uint64_t inChunk = staging.chunk - 1;

  // A row is as long as `b`, or as a chunk of `a`.
  int64_t length = dimK == 0 ? staging.n : staging.chunk;
  Neighbours neighbours(layout, 1, std::min(staging.getVector(), length));
  Value owner = lowering.isOwner(layout);
  // Within the chunk, the coordinate along K starts from 0.
  auto wrap = [&](ThreadCoordinate coordinate) {
    if (coordinate.bits & ~inChunk)
      coordinate.value = arith::AndIOp::create(builder, loc, coordinate.value, lowering.i32(inChunk));
    coordinate.bits &= inChunk;
    return coordinate;
  };
  ThreadCoordinate rowInChunk = dimK == 0 ? wrap(row) : row, columnInChunk = dimK == 1 ? wrap(column) : column;

  for (unsigned reg = 0; reg < elements.size(); ++reg) {
    if (!neighbours.isFirst(reg))
      continue;
    uint64_t rowConstant = layout.apply(uint64_t(reg), Axis::dim(0)),
             columnConstant = layout.apply(uint64_t(reg), Axis::dim(1));
    uint64_t &kConstant = dimK == 0 ? rowConstant : columnConstant;
    // Whose k lies in the chunk: known of the register, or a matter of the thread too.
    if ((kConstant & ~inChunk & ~k.bits) != (uint64_t(index) * staging.chunk & ~k.bits))
      continue;
    Value live = owner;
    if (uint64_t varying = k.bits & ~inChunk) {
      Value bits = arith::AndIOp::create(builder, loc, k.value, lowering.i32(varying));
      Value expected = lowering.i32((kConstant ^ uint64_t(index) * staging.chunk) & varying);
      live = lowering.conjunction(live, arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, bits, expected));
    }
    kConstant &= inChunk;
    SmallVector<Value> operands = {getAddress(rowInChunk, rowConstant, columnInChunk, columnConstant, stride, offset)};
    if (live)
      operands.push_back(live);
    for (int64_t i = 0; i < neighbours.count; ++i)
      operands.push_back(lowering.toBits(widen(elements[neighbours.get(reg, i)])));
    lowering.machineResults(access("st.shared", neighbours.count) + (live ? ".pred" : ""), operands);
  }
}

void DotLowering::addProducts(SmallVector<Value> &sums, int64_t count, int64_t k, Value byteA, Value byteB) {
  auto at = [&](Value address, Value byte, int64_t constant) {
    if (byte)
      address = lowering.add(address, byte);
    return constant ? lowering.add(address, lowering.i32(constant)) : address;
  };
  DenseMap<uint64_t, SmallVector<Value>> left;
  for (uint64_t row : rows)
    left[row] = load(at(addressA[row], byteA, k * staging.elementBytes), count);
  for (int64_t i = 0; i < count; ++i) {
    for (uint64_t column : columns) {
      SmallVector<Value> right =
          load(at(addressB[column], byteB, (k + i) * staging.strideB * staging.elementBytes), neighbours);
      for (uint64_t row : rows)
        for (int64_t j = 0; j < neighbours; ++j) {
          Value &sum = sums[registerOf.at({row, column + j})];
          sum = multiplyAdd(left[row][i], right[j], sum);
        }
    }
  }
}

void DotLowering::accumulate(SmallVector<Value> &sums) {
  constexpr int64_t unrolledProducts = 128; // of a thread, in the body of the loop
  const int64_t vector = std::min(staging.getVector(), staging.chunk);
  int64_t step = vector;
  while (step < staging.chunk && step * 2 * int64_t(sums.size()) <= unrolledProducts)
    step *= 2;

  auto body = [&](SmallVector<Value> &into, Value byteA, Value byteB) {
    for (int64_t k = 0; k < step; k += vector)
      addProducts(into, vector, k, byteA, byteB);
  };
  if (step == staging.chunk)
    return body(sums, Value(), Value());

  auto loop = scf::ForOp::create(builder, loc, lowering.i32(0), lowering.i32(staging.chunk), lowering.i32(step), sums);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> carried(loop.getRegionIterArgs().begin(), loop.getRegionIterArgs().end());
  Value k = loop.getInductionVar();
  body(carried, multiply(k, staging.elementBytes), multiply(k, staging.strideB * staging.elementBytes));
  scf::YieldOp::create(builder, loc, carried);
  sums.assign(loop.getResults().begin(), loop.getResults().end());
}

void DotLowering::run() {
  LinearLayout layout = getLayout(op.getResult()).getLinear();
  Neighbours inRow(layout, 1, staging.getVector());
  neighbours = inRow.count;
  for (int64_t reg = 0, e = layout.getSize(Axis::registers()); reg < e; ++reg) {
    uint64_t row = layout.apply(uint64_t(reg), Axis::dim(0)), column = layout.apply(uint64_t(reg), Axis::dim(1));
    registerOf[{row, column}] = reg;
    rows.insert(row);
    if (inRow.isFirst(reg))
      columns.insert(column);
  }
  ThreadCoordinate row(lowering, layout, 0), column(lowering, layout, 1), start{lowering, layout, 0};
  start.value = lowering.i32(0);
  start.bits = 0;
  for (uint64_t constant : rows)
    addressA[constant] = getAddress(row, constant, start, 0, staging.strideA, 0);
  for (uint64_t constant : columns)
    addressB[constant] = getAddress(start, 0, column, constant, staging.strideB, staging.offsetB);

  SmallVector<Value> sums = lowering.getRegisters(op.getC());
  for (int64_t index = 0; index < staging.k / staging.chunk; ++index) {
    if (index)
      lowering.barrier(); // the chunk before has been read
    stage(op.getA(), 1, index, 0, staging.strideA);
    stage(op.getB(), 0, index, staging.offsetB, staging.strideB);
    lowering.barrier();
    accumulate(sums);
  }
  lowering.setRegisters(op.getResult(), sums);
}

} // namespace

LogicalResult tile_gpu::lowerDot(ThreadLowering &lowering, tile::DotOp op) {
  DotLowering(lowering, op).run();
  return success();
}
