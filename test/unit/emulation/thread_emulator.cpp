//===- thread_emulator.cpp - Runs thread-level IR for all threads of a program ---------------------------===//

#include "thread_emulator.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace kiln;
using namespace kiln::interp;
using kiln::tile_gpu::MachineOp;

namespace {

/// Where shared memory starts: a multiple of the alignment of an access, and not 0, so that a missing base shows.
constexpr uint64_t kSharedBase = 1024;

unsigned getBytes(Type type) { return getFormat(type).bytes(); }

uint64_t maskOf(unsigned bits) { return bits >= 64 ? ~uint64_t(0) : (uint64_t(1) << bits) - 1; }

} // namespace

ThreadEmulator::ThreadEmulator(func::FuncOp kernel) : kernel(kernel), numThreads(32 * tile_gpu::getNumWarps(kernel)) {
  registerIntegerHandlers(handlers);
  registerFloatHandlers(handlers);
  auto bytes = kernel->getAttrOfType<IntegerAttr>(tile_gpu::kSharedBytesAttr);
  shared.resize(bytes ? bytes.getInt() : 0);
  warpTimes.assign(numThreads / 32, 0);
}

std::string ThreadEmulator::run(ArrayRef<uint64_t> arguments, std::array<uint32_t, 3> program,
                                std::array<uint32_t, 3> grid) {
  this->program = program;
  this->grid = grid;
  for (Byte &byte : shared)
    byte = Byte();
  global.clear();
  failure.clear();
  if (kernel.getNumArguments() != arguments.size())
    return "a wrong number of arguments";
  for (auto [parameter, value] : llvm::zip_equal(kernel.getArguments(), arguments))
    values[parameter] = Lanes(numThreads, value);
  runBlock(kernel.front(), Mask(numThreads, true));
  return failure;
}

void ThreadEmulator::fail(const Twine &message) {
  if (!failure.empty())
    return;
  llvm::raw_string_ostream os(failure);
  os << message;
  if (current) {
    os << " in ";
    current->print(os, OpPrintingFlags().skipRegions());
  }
}

ThreadEmulator::Lanes &ThreadEmulator::get(Value value) {
  Lanes &lanes = values[value];
  if (lanes.empty())
    lanes.assign(numThreads, 0);
  return lanes;
}

void ThreadEmulator::set(Value value, const Mask &active, llvm::function_ref<uint64_t(unsigned)> function) {
  Lanes result = get(value);
  for (unsigned thread = 0; thread < numThreads; ++thread)
    if (active[thread])
      result[thread] = function(thread);
  values[value] = std::move(result);
}

void ThreadEmulator::assign(ValueRange to, ValueRange from, const Mask &active) {
  std::vector<Lanes> copies;
  for (Value value : from)
    copies.push_back(get(value));
  for (auto [value, copy] : llvm::zip_equal(to, copies))
    set(value, active, [&copy = copy](unsigned thread) { return copy[thread]; });
}

void ThreadEmulator::requireAll(Operation *op, const Mask &active) {
  if (llvm::is_contained(active, false))
    fail("not all threads arrive");
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

void ThreadEmulator::runBlock(Block &block, const Mask &active) {
  for (Operation &op : block.without_terminator()) {
    if (!failure.empty())
      return;
    current = &op;
    runOperation(&op, active);
  }
}

void ThreadEmulator::runOperation(Operation *op, const Mask &active) {
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return runFor(loop, active);
  if (auto branch = dyn_cast<scf::IfOp>(op))
    return runIf(branch, active);
  if (auto loop = dyn_cast<scf::WhileOp>(op))
    return runWhile(loop, active);
  if (auto machine = dyn_cast<MachineOp>(op))
    return runMachine(machine, active);
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    uint64_t bits = 0;
    if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
      bits = integer.getValue().getZExtValue();
    else
      bits = cast<FloatAttr>(constant.getValue()).getValue().bitcastToAPInt().getZExtValue();
    return set(constant, active, [&](unsigned) { return bits; });
  }
  auto maker = handlers.elementwise.find(op->getName().getTypeID());
  if (maker == handlers.elementwise.end())
    return fail("an operation that is no thread's");
  ElementFunction function = maker->second(op);
  std::vector<const Lanes *> operands;
  for (Value operand : op->getOperands())
    get(operand); // may move the others
  for (Value operand : op->getOperands())
    operands.push_back(&get(operand));
  Lanes result(numThreads);
  std::vector<uint64_t> element(operands.size());
  const char *fault = nullptr;
  for (unsigned thread = 0; thread < numThreads; ++thread) {
    if (!active[thread])
      continue;
    for (size_t i = 0; i < operands.size(); ++i)
      element[i] = (*operands[i])[thread];
    result[thread] = function(element.data(), fault);
    if (fault)
      return fail(fault);
  }
  set(op->getResult(0), active, [&](unsigned thread) { return result[thread]; });
}

void ThreadEmulator::runFor(scf::ForOp op, const Mask &active) {
  Format format = getFormat(op.getInductionVar().getType());
  assign(op.getRegionIterArgs(), op.getInitArgs(), active);
  assign(op.getInductionVar(), op.getLowerBound(), active);
  for (;;) {
    Mask inside = active;
    for (unsigned thread = 0; thread < numThreads; ++thread)
      inside[thread] = inside[thread] && toSigned(format, get(op.getInductionVar())[thread]) <
                                             toSigned(format, get(op.getUpperBound())[thread]);
    if (!llvm::is_contained(inside, true) || !failure.empty())
      break;
    runBlock(*op.getBody(), inside);
    assign(op.getRegionIterArgs(), op.getBody()->getTerminator()->getOperands(), inside);
    Lanes step = get(op.getStep()), index = get(op.getInductionVar());
    set(op.getInductionVar(), inside, [&](unsigned thread) { return truncate(format, index[thread] + step[thread]); });
  }
  assign(op.getResults(), op.getRegionIterArgs(), active);
}

void ThreadEmulator::runIf(scf::IfOp op, const Mask &active) {
  Lanes condition = get(op.getCondition());
  for (bool side : {true, false}) {
    Region &region = side ? op.getThenRegion() : op.getElseRegion();
    Mask inside = active;
    for (unsigned thread = 0; thread < numThreads; ++thread)
      inside[thread] = inside[thread] && (condition[thread] & 1) == side;
    if (region.empty() || !llvm::is_contained(inside, true))
      continue;
    runBlock(region.front(), inside);
    assign(op.getResults(), region.front().getTerminator()->getOperands(), inside);
  }
}

void ThreadEmulator::runWhile(scf::WhileOp op, const Mask &active) {
  Block &before = op.getBefore().front(), &after = op.getAfter().front();
  auto condition = cast<scf::ConditionOp>(before.getTerminator());
  assign(before.getArguments(), op.getInits(), active);
  for (Mask inside = active; llvm::is_contained(inside, true) && failure.empty();) {
    runBlock(before, inside);
    Mask leaving = inside, staying = inside;
    for (unsigned thread = 0; thread < numThreads; ++thread) {
      bool goesOn = get(condition.getCondition())[thread] & 1;
      leaving[thread] = inside[thread] && !goesOn;
      staying[thread] = inside[thread] && goesOn;
    }
    assign(op.getResults(), condition.getArgs(), leaving);
    assign(after.getArguments(), condition.getArgs(), staying);
    inside = staying;
    if (!llvm::is_contained(inside, true))
      break;
    runBlock(after, inside);
    assign(before.getArguments(), after.getTerminator()->getOperands(), inside);
  }
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void ThreadEmulator::note(unsigned thread, Byte &byte, StringRef space, uint64_t address, bool isWrite) {
  unsigned warp = thread / 32;
  if (byte.time != time) {
    byte.time = time;
    byte.accesses.clear();
  }
  for (const Access &other : byte.accesses) {
    bool isOther = other.warp != warp || (other.lanes & ~(1U << thread % 32)) != 0;
    bool isOrdered = other.warp == warp && other.warpTime != warpTimes[warp];
    if ((isWrite || other.isWrite) && isOther && !isOrdered)
      fail("threads of warps " + Twine(other.warp) + " and " + Twine(warp) + " race for byte " + Twine(address) +
           " of " + space + " memory");
  }
  for (Access &own : byte.accesses)
    if (own.warp == warp && own.warpTime == warpTimes[warp] && own.isWrite == isWrite) {
      own.lanes |= 1U << thread % 32;
      return;
    }
  byte.accesses.push_back({warp, warpTimes[warp], 1U << thread % 32, isWrite});
}

void ThreadEmulator::readShared(unsigned thread, uint64_t address, void *data, size_t bytes) {
  if (address < kSharedBase || address + bytes > kSharedBase + shared.size())
    return fail("a read outside of shared memory");
  for (size_t i = 0; i < bytes; ++i) {
    size_t index = address - kSharedBase + i;
    if (!shared[index].isWritten)
      return fail("thread " + Twine(thread) + " reads byte " + Twine(index) + ", which nobody wrote,");
    note(thread, shared[index], "shared", index, /*isWrite=*/false);
    static_cast<uint8_t *>(data)[i] = shared[index].value;
  }
}

void ThreadEmulator::writeShared(unsigned thread, uint64_t address, const void *data, size_t bytes) {
  if (address < kSharedBase || address + bytes > kSharedBase + shared.size())
    return fail("a write outside of shared memory");
  for (size_t i = 0; i < bytes; ++i) {
    size_t index = address - kSharedBase + i;
    note(thread, shared[index], "shared", index, /*isWrite=*/true);
    shared[index].isWritten = true;
    shared[index].value = static_cast<const uint8_t *>(data)[i];
  }
}

void ThreadEmulator::checkGlobal(unsigned thread, uint64_t address, size_t bytes, bool isWrite) {
  if (llvm::none_of(buffers, [&](const auto &buffer) {
        return buffer.first <= address && address + bytes <= buffer.first + buffer.second;
      }))
    fail("an access outside of all buffers");
  for (size_t i = 0; watchesGlobal && i < bytes; ++i)
    note(thread, global[address + i], "global", address + i, isWrite);
}

/// ld and st, of either memory.
void ThreadEmulator::runAccess(MachineOp op, StringRef name, const Mask &active) {
  bool isLoad = name.starts_with("ld."), isShared = name.contains(".shared."), isPredicated = name.ends_with(".pred");
  ValueRange operands = op.getInputs();
  Lanes addresses = get(operands[0]);
  Mask live = active;
  if (isPredicated)
    for (unsigned thread = 0; thread < numThreads; ++thread)
      live[thread] = live[thread] && (get(operands[1])[thread] & 1);
  // A load yields its other operands where it is off.
  ValueRange data = operands.drop_front(isPredicated ? 2 : 1);
  if (isLoad && isPredicated)
    assign(op.getOutputs(), data, active);
  ValueRange elements = isLoad ? ValueRange(op.getOutputs()) : data;
  unsigned bytes = getBytes(elements.front().getType()), count = elements.size();
  for (unsigned thread = 0; thread < numThreads && failure.empty(); ++thread) {
    if (!live[thread])
      continue;
    uint64_t address = addresses[thread];
    if (address % (bytes * count) != 0)
      return fail("a misaligned address " + Twine(address));
    uint8_t buffer[16] = {};
    if (!isLoad)
      for (unsigned i = 0; i < count; ++i)
        std::memcpy(buffer + i * bytes, &get(elements[i])[thread], bytes);
    if (isShared && isLoad)
      readShared(thread, address, buffer, bytes * count);
    else if (isShared)
      writeShared(thread, address, buffer, bytes * count);
    else
      checkGlobal(thread, address, bytes * count, /*isWrite=*/!isLoad);
    if (!isShared && failure.empty()) {
      if (isLoad)
        std::memcpy(buffer, reinterpret_cast<const void *>(address), bytes * count);
      else
        std::memcpy(reinterpret_cast<void *>(address), buffer, bytes * count);
    }
    if (isLoad)
      for (unsigned i = 0; i < count; ++i) {
        uint64_t bits = 0;
        std::memcpy(&bits, buffer + i * bytes, bytes);
        get(elements[i])[thread] = bits;
      }
  }
}

/// "atom.relaxed.gpu.global.add.u32.pred" and "red...": one thread after the other.
void ThreadEmulator::runAtomic(MachineOp op, StringRef name, const Mask &active) {
  ValueRange operands = op.getInputs();
  StringRef what = name.split(".global.").second; // "add.u32.pred"
  StringRef kind = what.split('.').first, type = what.drop_back(5).rsplit('.').second;
  Format format = getFormat(operands.back().getType());
  bool isSigned = type.starts_with("s");
  for (unsigned thread = 0; thread < numThreads && failure.empty(); ++thread) {
    if (!active[thread])
      continue;
    uint64_t address = get(operands[0])[thread], old = 0;
    if (get(operands[1])[thread] & 1) {
      checkGlobal(thread, address, format.bytes(), /*isWrite=*/true);
      if (!failure.empty())
        return;
      std::memcpy(&old, reinterpret_cast<const void *>(address), format.bytes());
      uint64_t value = get(operands[2])[thread], next = old;
      auto isLess = [&](uint64_t a, uint64_t b) {
        return isSigned ? toSigned(format, a) < toSigned(format, b) : a < b;
      };
      if (kind == "add")
        next = format.isFloat() ? fromDouble(format, toDouble(format, old) + toDouble(format, value))
                                : truncate(format, old + value);
      else if (kind == "min")
        next = isLess(value, old) ? value : old;
      else if (kind == "max")
        next = isLess(old, value) ? value : old;
      else if (kind == "and")
        next = old & value;
      else if (kind == "or")
        next = old | value;
      else if (kind == "xor")
        next = old ^ value;
      else if (kind == "exch")
        next = value;
      else if (kind == "cas")
        next = old == value ? get(operands[3])[thread] : old;
      else
        return fail("an unknown atomic");
      std::memcpy(reinterpret_cast<void *>(address), &next, format.bytes());
    }
    if (!op.getOutputs().empty())
      get(op.getOutputs().front())[thread] = old;
  }
}

//===----------------------------------------------------------------------===//
// Warps
//===----------------------------------------------------------------------===//

void ThreadEmulator::runWarpOperation(MachineOp op, StringRef name) {
  ValueRange operands = op.getInputs();
  Lanes result(numThreads);
  const bool isRedux = name.starts_with("redux");
  Value maskOperand = operands[isRedux ? 1 : 0], valueOperand = operands[isRedux ? 0 : 1];
  for (uint64_t mask : get(maskOperand))
    if (mask != 0xffffffff)
      return fail("not the whole warp takes part");
  Lanes value = get(valueOperand);
  for (unsigned thread = 0; thread < numThreads; ++thread) {
    unsigned lane = thread % 32, first = thread - lane;
    if (name.starts_with("shfl")) {
      uint64_t distance = get(operands[2])[thread], clamp = get(operands[3])[thread];
      bool isUp = name.contains(".up.");
      if (clamp != (isUp ? 0U : 31U))
        return fail("shuffles of segments are unknown");
      int64_t from = name.contains(".bfly.")   ? lane ^ distance
                     : isUp                    ? int64_t(lane) - int64_t(distance)
                     : name.contains(".down.") ? lane + distance
                                               : distance;
      result[thread] = value[first + (from < 0 || from > 31 ? lane : from)];
      continue;
    }
    uint64_t ballot = 0;
    int64_t combined = int32_t(value[first]);
    for (unsigned i = 0; i < 32; ++i) {
      uint64_t other = value[first + i];
      ballot |= (other & 1) << i;
      if (!isRedux || i == 0)
        continue;
      int64_t a = int32_t(combined), b = int32_t(other);
      bool isUnsigned = name.ends_with("u32");
      bool isLess = isUnsigned ? uint32_t(a) < uint32_t(b) : a < b;
      combined = name.contains(".add.")   ? a + b
                 : name.contains(".min.") ? (isLess ? a : b)
                 : name.contains(".max.") ? (isLess ? b : a)
                 : name.contains(".and.") ? (a & b)
                 : name.contains(".or.")  ? (a | b)
                                          : (a ^ b);
    }
    result[thread] = isRedux                  ? uint32_t(combined)
                     : name.ends_with(".any") ? ballot != 0
                     : name.ends_with(".all") ? ballot == 0xffffffff
                                              : ballot;
  }
  values[op.getOutputs().front()] = std::move(result);
}

/// Lane i of each eight gives the address of row i of one of the 8 x 8 matrices; a lane gets two neighbours of row
/// lane / 4, or of a column.
void ThreadEmulator::runMatrixLoad(MachineOp op, StringRef name) {
  Lanes addresses = get(op.getInputs().front());
  bool isTransposed = name.ends_with(".trans");
  for (auto [matrix, output] : llvm::enumerate(op.getOutputs())) {
    Lanes result(numThreads);
    for (unsigned warp = 0; warp < numThreads / 32; ++warp) {
      uint16_t rows[8][8];
      for (unsigned row = 0; row < 8; ++row) {
        unsigned thread = warp * 32 + matrix * 8 + row;
        if (addresses[thread] % 16 != 0)
          return fail("a misaligned row");
        readShared(thread, addresses[thread], rows[row], 16);
      }
      for (unsigned lane = 0; lane < 32; ++lane) {
        unsigned a = lane / 4, b = lane % 4 * 2;
        uint64_t low = isTransposed ? rows[b][a] : rows[a][b], high = isTransposed ? rows[b + 1][a] : rows[a][b + 1];
        result[warp * 32 + lane] = low | high << 16;
      }
    }
    values[output] = std::move(result);
  }
}

/// "mma.m16n8k16.f32.f16": fragments as in the tables of the PTX ISA. Sums of an instruction are rounded once.
void ThreadEmulator::runMma(MachineOp op, StringRef name) {
  auto [shape, types] = name.drop_front(4).split('.');
  StringRef type = types.split('.').second;
  int64_t k = 0;
  shape.split("n8k").second.getAsInteger(10, k);
  unsigned bits = type == "s8" ? 8 : type == "tf32" ? 32 : 16;
  MLIRContext *context = op.getContext();
  Format format = type == "s8"     ? Format()
                  : type == "f16"  ? getFormat(Float16Type::get(context))
                  : type == "bf16" ? getFormat(BFloat16Type::get(context))
                                   : getFormat(Float32Type::get(context));
  Format f32 = getFormat(Float32Type::get(context));
  unsigned per = 32 / bits, registersB = k / (4 * per), registersA = 2 * registersB;
  ValueRange operands = op.getInputs();
  if (operands.size() != registersA + registersB + 4)
    return fail("an mma of unknown shape");

  auto decode = [&](uint64_t word, unsigned index) -> double {
    uint64_t element = word >> (index * bits) & maskOf(bits);
    return bits == 8 ? double(int8_t(element)) : toDouble(format, element);
  };
  std::vector<Lanes> inputs, outputs(4, Lanes(numThreads));
  for (Value operand : operands)
    inputs.push_back(get(operand));
  for (unsigned warp = 0; warp < numThreads / 32; ++warp) {
    std::vector<double> a(16 * k), b(k * 8);
    for (unsigned lane = 0; lane < 32; ++lane) {
      unsigned group = lane / 4, inGroup = lane % 4, thread = warp * 32 + lane;
      for (unsigned reg = 0; reg < registersA; ++reg)
        for (unsigned i = 0; i < per; ++i)
          a[(group + reg % 2 * 8) * k + inGroup * per + reg / 2 * 4 * per + i] = decode(inputs[reg][thread], i);
      for (unsigned reg = 0; reg < registersB; ++reg)
        for (unsigned i = 0; i < per; ++i)
          b[(inGroup * per + reg * 4 * per + i) * 8 + group] = decode(inputs[registersA + reg][thread], i);
    }
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < 4; ++i) {
        unsigned row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2, thread = warp * 32 + lane;
        uint64_t start = inputs[registersA + registersB + i][thread];
        double sum = bits == 8 ? double(int32_t(start)) : toDouble(f32, start);
        for (int64_t l = 0; l < k; ++l)
          sum += a[row * k + l] * b[l * 8 + column];
        outputs[i][thread] = bits == 8 ? uint64_t(uint32_t(int64_t(sum))) : fromDouble(f32, sum);
      }
  }
  for (unsigned i = 0; i < 4; ++i)
    values[op.getOutputs()[i]] = std::move(outputs[i]);
}

//===----------------------------------------------------------------------===//
// Machine operations
//===----------------------------------------------------------------------===//

/// Packing, unpacking and conversions.
void ThreadEmulator::runRegisters(MachineOp op, StringRef name, const Mask &active) {
  ValueRange operands = op.getInputs(), outputs = op.getOutputs();
  Format f32 = getFormat(Float32Type::get(op.getContext()));
  std::vector<Lanes> inputs;
  for (Value operand : operands)
    inputs.push_back(get(operand));
  if (name.starts_with("pack.") || name.starts_with("unpack.")) {
    // One string of bits, cut anew.
    unsigned from = getFormat(operands.front().getType()).bits, to = getFormat(outputs.front().getType()).bits;
    for (auto [i, output] : llvm::enumerate(outputs))
      set(output, active, [&, i = i](unsigned thread) {
        uint64_t all = 0;
        for (size_t j = 0; j < inputs.size(); ++j)
          all |= inputs[j][thread] << (j * from);
        return all >> (i * to) & maskOf(to);
      });
    return;
  }
  if (name == "cvt.rna.tf32.f32")
    return set(outputs[0], active, [&](unsigned thread) {
      uint64_t bits = inputs[0][thread];
      bool isFinite = (bits & 0x7f800000) != 0x7f800000;
      return isFinite ? (bits + 0x1000) & 0xffffe000 : bits & 0xffffe000;
    });
  if (name.starts_with("cvt.rn.") && name.ends_with("x2.f32") && !name.contains("satfinite")) {
    Format half = getFormat(name.contains(".bf16x2.") ? Type(BFloat16Type::get(op.getContext()))
                                                      : Type(Float16Type::get(op.getContext())));
    return set(outputs[0], active, [&](unsigned thread) {
      return fromDouble(half, toDouble(f32, inputs[0][thread])) << 16 |
             fromDouble(half, toDouble(f32, inputs[1][thread]));
    });
  }
  if (name.starts_with("cvt.rn.f16x2.") || name.starts_with("cvt.rn.satfinite.")) {
    Format fp8 = getFormat(name.contains("e4m3x2") ? Type(Float8E4M3FNType::get(op.getContext()))
                                                   : Type(Float8E5M2Type::get(op.getContext())));
    Format f16 = getFormat(Float16Type::get(op.getContext()));
    if (name.starts_with("cvt.rn.f16x2."))
      return set(outputs[0], active, [&](unsigned thread) {
        uint64_t pair = inputs[0][thread];
        return fromDouble(f16, toDouble(fp8, pair & 0xff)) | fromDouble(f16, toDouble(fp8, pair >> 8)) << 16;
      });
    auto saturate = [&](uint64_t bits) -> uint64_t {
      double number = toDouble(f32, bits), largest = fp8.finiteOnly ? 448 : 57344;
      return fromDouble(fp8, std::isnan(number) ? number : std::clamp(number, -largest, largest));
    };
    return set(outputs[0], active,
               [&](unsigned thread) { return saturate(inputs[0][thread]) << 8 | saturate(inputs[1][thread]); });
  }
  if (name == "ex2.approx.ftz.f32")
    return set(outputs[0], active,
               [&](unsigned thread) { return fromDouble(f32, std::exp2(toDouble(f32, inputs[0][thread]))); });
  if (name == "prmt.b32")
    return set(outputs[0], active, [&](unsigned thread) {
      uint64_t bytes = inputs[0][thread] | inputs[1][thread] << 32, result = 0;
      for (unsigned i = 0; i < 4; ++i)
        result |= (bytes >> ((inputs[2][thread] >> (4 * i) & 7) * 8) & 0xff) << (8 * i);
      return result;
    });
  fail("an unknown machine operation");
}

void ThreadEmulator::runMachine(MachineOp op, const Mask &active) {
  StringRef name = op.getName();
  if (const tile_gpu::MachineRow *row = tile_gpu::lookupMachineOp(name); row && row->convergent)
    requireAll(op, active);
  if (!failure.empty())
    return;
  if (name == "bar.sync") {
    requireAll(op, active);
    ++time;
    return;
  }
  if (name == "bar.warp.sync") {
    requireAll(op, active);
    for (unsigned &warpTime : warpTimes)
      ++warpTime;
    return;
  }
  if (name == "tid.x")
    return set(op.getOutputs().front(), active, [](unsigned thread) { return thread; });
  if (name == "shared.base")
    return set(op.getOutputs().front(), active, [](unsigned) { return kSharedBase; });
  if (name.starts_with("ctaid.") || name.starts_with("nctaid.")) {
    uint32_t value = (name.starts_with("n") ? grid : program)[name.back() - 'x'];
    return set(op.getOutputs().front(), active, [&](unsigned) { return value; });
  }
  if (name.starts_with("ldmatrix."))
    return runMatrixLoad(op, name);
  if (name.starts_with("ld.") || name.starts_with("st."))
    return runAccess(op, name, active);
  if (name.starts_with("atom.") || name.starts_with("red."))
    return runAtomic(op, name, active);
  if (name.starts_with("mma."))
    return runMma(op, name);
  if (name.starts_with("shfl.") || name.starts_with("vote.") || name.starts_with("redux."))
    return runWarpOperation(op, name);
  if (name.starts_with("fence.") || name.starts_with("prefetch.") || name == "vprintf")
    return;
  if (name == "__assertfail")
    return fail("an assertion fails");
  runRegisters(op, name, active);
}
