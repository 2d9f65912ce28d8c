//===- ThreadLowering.cpp - What one thread holds of each tile ------------===//

#include "ThreadLowering.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

ThreadLowering::ThreadLowering(func::FuncOp kernel, ThreadLoweringOptions options)
    : builder(kernel.getContext()), loc(kernel.getLoc()), kernel(kernel), options(options),
      numWarps(tile_gpu::getNumWarps(kernel)), plans(kernel) {}

void ThreadLowering::start(Operation *op) {
  builder.setInsertionPoint(op);
  loc = op->getLoc();
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Type ThreadLowering::getScalarType(Type type) {
  return isa<tile::PtrType>(type) ? IntegerType::get(type.getContext(), 64) : type;
}

Value ThreadLowering::getScalar(Value value) const {
  if (!isa<tile::PtrType>(value.getType()))
    return value;
  auto found = registers.find(value);
  assert(found != registers.end() && "a pointer that has not been lowered yet");
  return found->second.front();
}

SmallVector<Value> ThreadLowering::getRegisters(Value value) const {
  if (!isa<RankedTensorType>(value.getType()))
    return {getScalar(value)};
  auto found = registers.find(value);
  assert(found != registers.end() && "a tile that has not been lowered yet");
  return found->second;
}

void ThreadLowering::setRegisters(Value value, ArrayRef<Value> scalars) {
  assert((!getLayout(value) || getLayout(value).getNumRegisters() == int64_t(scalars.size())) &&
         "as many scalars as the layout has registers");
  registers[value].assign(scalars.begin(), scalars.end());
}

void ThreadLowering::setScalar(Value value, Value scalar) {
  if (isa<tile::PtrType>(value.getType()))
    setRegisters(value, scalar);
  else
    value.replaceAllUsesWith(scalar);
}

void ThreadLowering::setResult(Value value, ArrayRef<Value> scalars) {
  if (isa<RankedTensorType>(value.getType()))
    setRegisters(value, scalars);
  else
    setScalar(value, scalars.front());
}

//===----------------------------------------------------------------------===//
// The thread
//===----------------------------------------------------------------------===//

OpBuilder ThreadLowering::atEntry() {
  // Behind what has been put there before: the lane needs the thread.
  Block &entry = kernel.front();
  Value last = sharedBase;
  for (Value value : {thread, lane, warp})
    if (value && (!last || last.getDefiningOp()->isBeforeInBlock(value.getDefiningOp())))
      last = value;
  OpBuilder at(builder.getContext());
  if (last)
    at.setInsertionPointAfter(last.getDefiningOp());
  else
    at.setInsertionPointToStart(&entry);
  return at;
}

Value ThreadLowering::getThread() {
  if (!thread) {
    OpBuilder at = atEntry();
    thread = createMachineOp(at, kernel.getLoc(), "tid.x", {})[0];
  }
  return thread;
}

Value ThreadLowering::getLane() {
  if (!lane) {
    Value id = getThread();
    if (numWarps == 1)
      return lane = id;
    OpBuilder at = atEntry();
    Value mask = arith::ConstantIntOp::create(at, kernel.getLoc(), 31, 32);
    lane = arith::AndIOp::create(at, kernel.getLoc(), id, mask);
  }
  return lane;
}

Value ThreadLowering::getWarp() {
  if (!warp) {
    Value id = getThread();
    OpBuilder at = atEntry();
    if (numWarps == 1) {
      warp = arith::ConstantIntOp::create(at, kernel.getLoc(), 0, 32);
    } else {
      Value five = arith::ConstantIntOp::create(at, kernel.getLoc(), kLaneBits, 32);
      warp = arith::ShRUIOp::create(at, kernel.getLoc(), id, five);
    }
  }
  return warp;
}

/// `sum` with the images of the bits of `index` xored in. Neighbouring bits that move together by the same distance are
/// one mask and shift.
static Value addBits(ThreadLowering &lowering, Value sum, uint64_t &used, Value index, ArrayRef<uint64_t> bases) {
  OpBuilder &b = lowering.builder;
  Location loc = lowering.loc;
  for (unsigned i = 0; i < bases.size();) {
    if (bases[i] == 0) {
      ++i;
      continue;
    }
    Value term;
    uint64_t bits;
    unsigned next = i + 1;
    if (llvm::isPowerOf2_64(bases[i])) {
      while (next < bases.size() && bases[next] == bases[next - 1] * 2)
        ++next;
      unsigned count = next - i, to = llvm::Log2_64(bases[i]);
      uint64_t mask = llvm::maskTrailingOnes<uint64_t>(count);
      bits = mask << to;
      term = i == 0 && next == bases.size() ? index
                                            : arith::AndIOp::create(b, loc, index, lowering.i32(mask << i)).getResult();
      if (to > i)
        term = arith::ShLIOp::create(b, loc, term, lowering.i32(to - i));
      else if (to < i)
        term = arith::ShRUIOp::create(b, loc, term, lowering.i32(i - to));
    } else {
      // A basis of several bits: all of them or none.
      bits = bases[i];
      Value bit =
          arith::AndIOp::create(b, loc, arith::ShRUIOp::create(b, loc, index, lowering.i32(i)), lowering.i32(1));
      term = arith::MulIOp::create(b, loc, bit, lowering.i32(bases[i]));
    }
    if (!sum)
      sum = term;
    else if (used & bits)
      sum = arith::XOrIOp::create(b, loc, sum, term);
    else
      sum = arith::OrIOp::create(b, loc, sum, term);
    used |= bits;
    i = next;
  }
  return sum;
}

Value ThreadLowering::combineThreadBits(ArrayRef<uint64_t> lanes, ArrayRef<uint64_t> warps) {
  Value sum;
  uint64_t used = 0;
  auto any = [](ArrayRef<uint64_t> bases) { return llvm::any_of(bases, [](uint64_t basis) { return basis != 0; }); };
  // One index where lane and warp continue each other: the number of the thread.
  SmallVector<uint64_t> both(lanes);
  llvm::append_range(both, warps);
  bool continues = lanes.size() == kLaneBits && !warps.empty() && llvm::isPowerOf2_64(lanes.back()) &&
                   warps.front() == lanes.back() * 2;
  if (continues)
    sum = addBits(*this, sum, used, getThread(), both);
  else {
    if (any(lanes))
      sum = addBits(*this, sum, used, getLane(), lanes);
    if (any(warps))
      sum = addBits(*this, sum, used, getWarp(), warps);
  }
  return sum ? sum : i32(0);
}

Value ThreadLowering::getThreadPart(const LinearLayout &layout) {
  return combineThreadBits(layout.getBases(Axis::lane()), layout.getBases(Axis::warp()));
}

Value ThreadLowering::getThreadPart(const LinearLayout &layout, Axis axis) {
  auto along = [&](ArrayRef<uint64_t> bases) {
    return llvm::map_to_vector<8>(bases, [&](uint64_t basis) { return layout.getOutput().getCoordinate(basis, axis); });
  };
  return combineThreadBits(along(layout.getBases(Axis::lane())), along(layout.getBases(Axis::warp())));
}

Value ThreadLowering::combine(Value part, uint64_t bits, uint64_t constant) {
  if (constant == 0)
    return part;
  if (bits & constant)
    return arith::XOrIOp::create(builder, loc, part, i32(constant));
  // An addition: it is part of an address, where the machine adds a constant for nothing.
  return arith::AddIOp::create(builder, loc, part, i32(constant));
}

SmallVector<Value> ThreadLowering::getCoordinates(const LinearLayout &layout, Axis axis) {
  Value part = getThreadPart(layout, axis);
  uint64_t bits = 0;
  for (Axis from : {Axis::lane(), Axis::warp()})
    for (uint64_t basis : layout.getBases(from))
      bits |= layout.getOutput().getCoordinate(basis, axis);
  SmallVector<Value> coordinates;
  llvm::SmallDenseMap<uint64_t, Value> seen;
  for (int64_t i = 0, e = layout.getSize(Axis::registers()); i < e; ++i) {
    uint64_t constant = layout.apply(uint64_t(i), axis);
    Value &coordinate = seen[constant];
    if (!coordinate)
      coordinate = combine(part, bits, constant);
    coordinates.push_back(coordinate);
  }
  return coordinates;
}

Value ThreadLowering::isOwner(const LinearLayout &layout) {
  uint64_t lanes = layout.getDependentBits(Axis::lane()), warps = layout.getDependentBits(Axis::warp());
  if (!lanes && !warps)
    return {};
  uint64_t mask = lanes | warps << kLaneBits;
  Value masked = arith::AndIOp::create(builder, loc, getThread(), i32(mask));
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, masked, i32(0));
}

Value ThreadLowering::isOwner(Value value) {
  if (LayoutAttr layout = getLayout(value))
    return isOwner(layout.getLinear());
  return isFirstThread();
}

Value ThreadLowering::isFirstThread() {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, getThread(), i32(0));
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

Value ThreadLowering::i1(bool value) { return arith::ConstantIntOp::create(builder, loc, value, 1); }
Value ThreadLowering::i32(int64_t value) { return arith::ConstantIntOp::create(builder, loc, value, 32); }
Value ThreadLowering::i64(int64_t value) { return arith::ConstantIntOp::create(builder, loc, value, 64); }

Value ThreadLowering::zero(Type type) {
  return arith::ConstantOp::create(builder, loc, cast<TypedAttr>(builder.getZeroAttr(getScalarType(type))));
}

Value ThreadLowering::add(Value a, Value b) { return arith::AddIOp::create(builder, loc, a, b); }

Value ThreadLowering::conjunction(Value a, Value b) {
  if (!a || !b)
    return a ? a : b;
  return arith::AndIOp::create(builder, loc, a, b);
}

Value ThreadLowering::machine(StringRef name, ValueRange operands) {
  ValueRange results = machineResults(name, operands);
  return results.empty() ? Value() : results.front();
}

ValueRange ThreadLowering::machineResults(StringRef name, ValueRange operands) {
  return createMachineOp(builder, loc, name, operands);
}

void ThreadLowering::barrier() { machine("bar.sync"); }

Value ThreadLowering::getSharedBase() {
  if (!sharedBase) {
    OpBuilder at = atEntry();
    sharedBase = createMachineOp(at, kernel.getLoc(), "shared.base", {})[0];
  }
  return sharedBase;
}

int64_t ThreadLowering::getSharedOffset(Operation *op) {
  auto offset = op->getAttrOfType<IntegerAttr>(kSharedOffsetAttr);
  assert(offset && "shared memory has not been allocated");
  return offset.getInt();
}

Value ThreadLowering::getSharedAddress(Operation *op) {
  int64_t offset = getSharedOffset(op);
  return offset == 0 ? getSharedBase() : add(getSharedBase(), i32(offset));
}

Value ThreadLowering::getEvictFirstPolicy() {
  if (!evictFirstPolicy) {
    OpBuilder at = atEntry();
    evictFirstPolicy = createMachineOp(at, kernel.getLoc(), "createpolicy.L2.evict_first", {})[0];
  }
  return evictFirstPolicy;
}

Value ThreadLowering::toBits(Value value) {
  Type type = value.getType();
  if (type.isInteger(1))
    return arith::ExtUIOp::create(builder, loc, builder.getI8Type(), value);
  if (isa<IntegerType>(type))
    return value;
  return arith::BitcastOp::create(builder, loc, builder.getIntegerType(type.getIntOrFloatBitWidth()), value);
}

Value ThreadLowering::fromBits(Value bits, Type type) {
  if (type.isInteger(1))
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ne, bits, zero(bits.getType()));
  if (isa<IntegerType>(type))
    return bits;
  return arith::BitcastOp::create(builder, loc, type, bits);
}

SmallVector<Value> ThreadLowering::inlineCombiner(Region &combiner, ValueRange lhs, ValueRange rhs) {
  IRMapping mapping;
  Block &body = combiner.front();
  for (auto [argument, value] :
       llvm::zip_equal(body.getArguments(), llvm::concat<const Value>(llvm::to_vector(lhs), llvm::to_vector(rhs))))
    mapping.map(argument, value);
  for (Operation &op : body.without_terminator()) {
    // Of the tile dialect there are only bitcasts, of numbers here.
    if (auto cast = dyn_cast<tile::BitcastOp>(op)) {
      mapping.map(cast.getResult(),
                  arith::BitcastOp::create(builder, loc, cast.getType(), mapping.lookupOrDefault(cast.getSource())));
      continue;
    }
    builder.clone(op, mapping);
  }
  return llvm::map_to_vector(body.getTerminator()->getOperands(),
                             [&](Value value) { return mapping.lookupOrDefault(value); });
}
