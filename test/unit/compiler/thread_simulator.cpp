#include "thread_simulator.h"

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace kiln::tile_gpu;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

bool SimulatedMemory::check(uint64_t address, unsigned size, std::string &error) const {
  if (address % size != 0)
    error = "an access at " + std::to_string(address) + " is not aligned to " + std::to_string(size);
  else if (address + size > bytes.size())
    error = "an access at " + std::to_string(address) + " is out of bounds";
  return error.empty();
}

uint64_t SimulatedMemory::load(uint64_t address, unsigned size, unsigned thread, std::string &error) {
  if (!check(address, size, error))
    return 0;
  uint64_t value = 0;
  for (unsigned i = 0; i < size; ++i) {
    State &state = states[address + i];
    if (state.writeEpoch == epoch && state.writer != thread)
      error = "thread " + std::to_string(thread) + " may read byte " + std::to_string(address + i) + " before thread " +
              std::to_string(state.writer) + " has written it";
    state.manyReaders = state.readEpoch == epoch && (state.manyReaders || state.reader != thread);
    state.readEpoch = epoch;
    state.reader = thread;
    value |= uint64_t(bytes[address + i]) << (8 * i);
  }
  return value;
}

void SimulatedMemory::store(uint64_t address, unsigned size, uint64_t value, unsigned thread, std::string &error) {
  if (!check(address, size, error))
    return;
  for (unsigned i = 0; i < size; ++i) {
    State &state = states[address + i];
    if ((state.writeEpoch == epoch && state.writer != thread) ||
        (state.readEpoch == epoch && (state.manyReaders || state.reader != thread)))
      error = "thread " + std::to_string(thread) + " may write byte " + std::to_string(address + i) +
              " before another one has accessed it";
    state.writeEpoch = epoch;
    state.writer = thread;
    bytes[address + i] = value >> (8 * i);
  }
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

static unsigned widthOf(Type type) { return type.getIntOrFloatBitWidth(); }
static uint64_t maskOf(Type type) { return llvm::maskTrailingOnes<uint64_t>(widthOf(type)); }

static int64_t getSharedBytesOf(func::FuncOp kernel) {
  auto attribute = kernel->getAttrOfType<IntegerAttr>(kSharedBytesAttr);
  return attribute ? attribute.getInt() : 0;
}

ThreadSimulator::ThreadSimulator(func::FuncOp kernel, unsigned warps, SimulatedMemory &global)
    : kernel(kernel), threads(32 * warps), global(global), shared(getSharedBytesOf(kernel)) {}

void ThreadSimulator::fail(const Twine &what) {
  if (error.empty())
    error = what.str();
}

void ThreadSimulator::set(Value value, Lanes lanes) {
  for (uint64_t &lane : lanes)
    lane &= maskOf(value.getType());
  values[value] = std::move(lanes);
}

uint64_t ThreadSimulator::getUniform(Value value) {
  const Lanes &lanes = get(value);
  if (!llvm::all_equal(lanes))
    fail("threads take different ways");
  return lanes.front();
}

std::string ThreadSimulator::run(ArrayRef<uint64_t> arguments) {
  for (auto [argument, value] : llvm::zip_equal(kernel.getArguments(), arguments))
    set(argument, Lanes(threads, value));
  execute(kernel.front());
  return error;
}

void ThreadSimulator::execute(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (!error.empty())
      return;
    execute(op);
    if (!error.empty()) {
      llvm::raw_string_ostream(error) << ": " << op;
      return;
    }
  }
}

void ThreadSimulator::execute(Operation &op) {
  if (isa<scf::ForOp, scf::WhileOp, scf::IfOp>(op))
    executeLoop(op);
  else if (isa<MachineOp>(op))
    executeMachine(op);
  else
    executeArith(op);
}

void ThreadSimulator::executeLoop(Operation &op) {
  auto copy = [&](ValueRange from) { return llvm::map_to_vector(from, [&](Value value) { return get(value); }); };
  auto assign = [&](ValueRange to, ArrayRef<Lanes> lanes) {
    for (auto [value, lane] : llvm::zip_equal(to, lanes))
      set(value, lane);
  };
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    Region &region = getUniform(branch.getCondition()) ? branch.getThenRegion() : branch.getElseRegion();
    if (region.empty())
      return;
    execute(region.front());
    assign(op.getResults(), copy(region.front().getTerminator()->getOperands()));
  } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
    unsigned width = widthOf(loop.getLowerBound().getType());
    int64_t low = llvm::SignExtend64(getUniform(loop.getLowerBound()), width),
            high = llvm::SignExtend64(getUniform(loop.getUpperBound()), width), step = getUniform(loop.getStep());
    SmallVector<Lanes> carried = copy(loop.getInitArgs());
    for (int64_t i = low; i < high && error.empty(); i += step) {
      set(loop.getInductionVar(), Lanes(threads, i));
      assign(loop.getRegionIterArgs(), carried);
      execute(*loop.getBody());
      carried = copy(loop.getBody()->getTerminator()->getOperands());
    }
    assign(op.getResults(), carried);
  } else {
    auto whileLoop = cast<scf::WhileOp>(op);
    SmallVector<Lanes> carried = copy(whileLoop.getInits());
    while (error.empty()) {
      assign(whileLoop.getBeforeArguments(), carried);
      execute(*whileLoop.getBeforeBody());
      SmallVector<Lanes> forwarded = copy(whileLoop.getConditionOp().getArgs());
      assign(op.getResults(), forwarded);
      if (!getUniform(whileLoop.getConditionOp().getCondition()))
        return;
      assign(whileLoop.getAfterArguments(), forwarded);
      execute(*whileLoop.getAfterBody());
      carried = copy(whileLoop.getYieldOp().getOperands());
    }
  }
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

static bool compare(arith::CmpIPredicate predicate, uint64_t a, uint64_t b, unsigned width) {
  int64_t x = llvm::SignExtend64(a, width), y = llvm::SignExtend64(b, width);
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return a == b;
  case arith::CmpIPredicate::ne:
    return a != b;
  case arith::CmpIPredicate::slt:
    return x < y;
  case arith::CmpIPredicate::sle:
    return x <= y;
  case arith::CmpIPredicate::sgt:
    return x > y;
  case arith::CmpIPredicate::sge:
    return x >= y;
  case arith::CmpIPredicate::ult:
    return a < b;
  case arith::CmpIPredicate::ule:
    return a <= b;
  case arith::CmpIPredicate::ugt:
    return a > b;
  case arith::CmpIPredicate::uge:
    return a >= b;
  }
  llvm_unreachable("all predicates are handled");
}

void ThreadSimulator::executeArith(Operation &op) {
  Type type = op.getResult(0).getType();
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    Attribute value = constant.getValue();
    APInt bits = isa<IntegerAttr>(value) ? cast<IntegerAttr>(value).getValue()
                                         : cast<FloatAttr>(value).getValue().bitcastToAPInt();
    return set(constant, Lanes(threads, bits.getZExtValue()));
  }
  unsigned width = widthOf(op.getOperand(op.getNumOperands() - 1).getType());
  Lanes result(threads);
  for (unsigned t = 0; t < threads; ++t) {
    uint64_t a = get(op.getOperand(0))[t], b = op.getNumOperands() > 1 ? get(op.getOperand(1))[t] : 0;
    uint64_t &r = result[t];
    if (auto cmp = dyn_cast<arith::CmpIOp>(op))
      r = compare(cmp.getPredicate(), a, b, width);
    else if (isa<arith::SelectOp>(op))
      r = a ? b : get(op.getOperand(2))[t];
    else if (isa<arith::AddIOp>(op))
      r = a + b;
    else if (isa<arith::SubIOp>(op))
      r = a - b;
    else if (isa<arith::MulIOp>(op))
      r = a * b;
    else if (isa<arith::AndIOp>(op))
      r = a & b;
    else if (isa<arith::OrIOp>(op))
      r = a | b;
    else if (isa<arith::XOrIOp>(op))
      r = a ^ b;
    else if (isa<arith::ShLIOp>(op))
      r = a << b;
    else if (isa<arith::ShRUIOp>(op))
      r = a >> b;
    else if (isa<arith::BitcastOp, arith::ExtUIOp, arith::TruncIOp>(op))
      r = a;
    else if (isa<arith::ExtSIOp>(op))
      r = llvm::SignExtend64(a, width);
    else if (isa<arith::MaxSIOp>(op))
      r = std::max(llvm::SignExtend64(a, width), llvm::SignExtend64(b, width));
    else
      return fail("the simulator does not know this operation");
  }
  (void)type;
  set(op.getResult(0), result);
}

//===----------------------------------------------------------------------===//
// Machine operations
//===----------------------------------------------------------------------===//

void ThreadSimulator::executeMachine(Operation &op) {
  StringRef name = cast<MachineOp>(op).getName();
  if (name == "tid.x") {
    Lanes result(threads);
    for (unsigned t = 0; t < threads; ++t)
      result[t] = t;
    set(op.getResult(0), result);
  } else if (name.starts_with("ctaid.") || name == "shared.base") {
    set(op.getResult(0), Lanes(threads, 0));
  } else if (name == "bar.sync") {
    shared.barrier();
    global.barrier();
  } else if (name.consume_front("shfl.sync.")) {
    executeShuffle(op, name);
  } else if (name.starts_with("ld.") || name.starts_with("st.")) {
    executeAccess(op, name);
  } else if (name.starts_with("atom.") || name.starts_with("red.")) {
    executeAtomic(op, name);
  } else if (name.starts_with("pack.") || name.starts_with("unpack.")) {
    executeBits(op);
  } else if (name.starts_with("ldmatrix.")) {
    executeMatrices(op);
  } else {
    fail("the simulator does not know this operation");
  }
}

void ThreadSimulator::executeShuffle(Operation &op, StringRef mode) {
  const Lanes &value = get(op.getOperand(1)), &where = get(op.getOperand(2));
  if (getUniform(op.getOperand(0)) != 0xffffffff || getUniform(op.getOperand(3)) != 31)
    return fail("not a shuffle of the whole warp");
  Lanes result(threads);
  for (unsigned t = 0; t < threads; ++t) {
    unsigned lane = t % 32, source = mode == "bfly.b32" ? lane ^ where[t] : where[t] % 32;
    if (mode != "bfly.b32" && mode != "idx.b32")
      return fail("the simulator does not know this shuffle");
    // Beyond the warp a lane gets its own value.
    result[t] = value[t - lane + (source < 32 ? source : lane)];
  }
  set(op.getResult(0), result);
}

void ThreadSimulator::executeAccess(Operation &op, StringRef name) {
  SmallVector<StringRef> parts;
  name.split(parts, '.');
  bool isLoad = parts[0] == "ld", isPredicated = parts.back() == "pred";
  SimulatedMemory &memory = parts[1] == "shared" ? shared : global;
  const Lanes &address = get(op.getOperand(0));
  unsigned first = isPredicated ? 2 : 1, count = isLoad ? op.getNumResults() : op.getNumOperands() - first;
  std::vector<Lanes> results(op.getNumResults(), Lanes(threads));
  for (unsigned t = 0; t < threads; ++t) {
    bool isOn = !isPredicated || get(op.getOperand(1))[t];
    for (unsigned i = 0; i < count; ++i) {
      Type type = isLoad ? op.getResult(i).getType() : op.getOperand(first + i).getType();
      unsigned size = widthOf(type) / 8;
      if (isOn && i == 0 && address[t] % (size * count) != 0)
        return fail("a vector that is not aligned");
      if (isLoad)
        results[i][t] = isOn ? memory.load(address[t] + i * size, size, t, error) : get(op.getOperand(first + i))[t];
      else if (isOn)
        memory.store(address[t] + i * size, size, get(op.getOperand(first + i))[t], t, error);
    }
  }
  for (auto [value, lanes] : llvm::zip_equal(op.getResults(), results))
    set(value, lanes);
}

/// Additions: (address, predicate, value).
void ThreadSimulator::executeAtomic(Operation &op, StringRef name) {
  if (!name.contains(".add.u"))
    return fail("the simulator does not know this atomic");
  unsigned size = widthOf(op.getOperand(2).getType()) / 8;
  Lanes old(threads);
  for (unsigned t = 0; t < threads; ++t) {
    if (!get(op.getOperand(1))[t])
      continue;
    uint64_t address = get(op.getOperand(0))[t];
    old[t] = global.load(address, size, t, error);
    global.store(address, size, old[t] + get(op.getOperand(2))[t], t, error);
  }
  if (op.getNumResults())
    set(op.getResult(0), old);
}

void ThreadSimulator::executeBits(Operation &op) {
  std::vector<Lanes> results(op.getNumResults(), Lanes(threads));
  for (unsigned t = 0; t < threads; ++t) {
    uint64_t bits = 0;
    unsigned shift = 0;
    for (Value operand : op.getOperands()) {
      bits |= get(operand)[t] << shift;
      shift += widthOf(operand.getType());
    }
    for (auto [i, result] : llvm::enumerate(op.getResults())) {
      results[i][t] = bits;
      if (op.getNumResults() > 1)
        bits >>= widthOf(result.getType());
    }
  }
  for (auto [value, lanes] : llvm::zip_equal(op.getResults(), results))
    set(value, lanes);
}

/// Lane 8 m + i names row i of matrix m. Lane l gets elements 2 (l % 4) and the next of row l / 4 of each, transposed:
/// element l / 4 of rows 2 (l % 4) and the next.
void ThreadSimulator::executeMatrices(Operation &op) {
  bool isTransposed = cast<MachineOp>(op).getName().ends_with(".trans");
  const Lanes &rows = get(op.getOperand(0));
  for (auto [matrix, result] : llvm::enumerate(op.getResults())) {
    Lanes lanes(threads);
    for (unsigned t = 0; t < threads; ++t) {
      unsigned lane = t % 32;
      const uint64_t *row = &rows[t - lane + matrix * 8];
      for (unsigned half = 0; half < 2; ++half) {
        uint64_t address =
            isTransposed ? row[lane % 4 * 2 + half] + lane / 4 * 2 : row[lane / 4] + lane % 4 * 4 + half * 2;
        lanes[t] |= shared.load(address, 2, t, error) << (16 * half);
      }
      if (rows[t] % 16 != 0)
        fail("a row of a matrix that is not aligned");
    }
    set(result, lanes);
  }
}
