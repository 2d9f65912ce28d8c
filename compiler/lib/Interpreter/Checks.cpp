//===- Checks.cpp - Promises, assertions, output and order of launches -----------------------===//

#include "Machine.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "llvm/Support/FormatVariadic.h"
#include <cstring>

using namespace mlir;
using namespace kiln;
using namespace kiln::interp;

namespace {

llvm::Error runAssume(Machine &machine, Operation *op) {
  auto assume = cast<tile::AssumeOp>(op);
  Format format = getFormat(assume.getSource().getType());
  int64_t divisor = assume.getDivisor();
  if (machine.options.asserts)
    for (uint64_t bits : machine.get(assume.getSource()))
      if (int64_t value = toSigned(format, bits); value % divisor != 0)
        return machine.error(op, llvm::formatv("{0} is assumed to be a multiple of {1}", value, divisor));
  machine.set(assume, machine.getShared(assume.getSource()));
  return llvm::Error::success();
}

llvm::Error runAssert(Machine &machine, Operation *op) {
  auto assertion = cast<tile::AssertOp>(op);
  if (!machine.options.asserts)
    return llvm::Error::success();
  ArrayRef<uint64_t> elements = machine.get(assertion.getCondition());
  auto failed = llvm::find(elements, 0);
  if (failed == elements.end())
    return llvm::Error::success();
  std::string place;
  int64_t rest = failed - elements.begin();
  if (auto tile = dyn_cast<RankedTensorType>(assertion.getCondition().getType())) {
    for (int64_t size : llvm::reverse(tile.getShape())) {
      place = std::to_string(rest % size) + (place.empty() ? "" : ", ") + place;
      rest /= size;
    }
    place = ", at element (" + place + ")";
  }
  return machine.error(op, "assertion failed: " + assertion.getMessage() + place);
}

void printElement(llvm::raw_ostream &stream, Format format, uint64_t bits) {
  if (format.isFloat())
    stream << llvm::format(format.bits == 64 ? "%.17g" : "%.9g", toDouble(format, bits));
  else if (format.kind == Format::Pointer)
    stream << llvm::format_hex(bits, 1);
  else
    stream << (format.bits == 1 ? int64_t(bits) : toSigned(format, bits));
}

/// One line for each value: "(0, 0, 0) prefix [tensor<4x2xf32>] 1 2 3 ...".
llvm::Error runPrint(Machine &machine, Operation *op) {
  auto print = cast<tile::PrintOp>(op);
  if (!machine.options.printStream)
    return llvm::Error::success();
  llvm::raw_ostream &stream = *machine.options.printStream;
  auto beginLine = [&] {
    stream << llvm::formatv("({0}, {1}, {2}) {3}", machine.program[0], machine.program[1], machine.program[2],
                            print.getPrefix());
  };
  if (print.getValues().empty()) {
    beginLine();
    stream << '\n';
  }
  for (auto [index, value] : llvm::enumerate(print.getValues())) {
    beginLine();
    stream << " [" << print.getPrintedType(index) << ']';
    for (uint64_t bits : machine.get(value)) {
      stream << ' ';
      printElement(stream, getFormat(value.getType()), bits);
    }
    stream << '\n';
  }
  return llvm::Error::success();
}

/// Elements are packed, as they lie in memory, for the time of the call.
llvm::Error runExternCall(Machine &machine, Operation *op) {
  auto call = cast<tile::ExternCallOp>(op);
  size_t count = call.getModel() ? countElements(call.getModel().getType()) : 1;
  std::vector<std::vector<char>> memory;
  auto allocate = [&](Type type) -> char * { return memory.emplace_back(count * getFormat(type).bytes()).data(); };
  SmallVector<const void *> arguments;
  for (Value argument : call.getArgs()) {
    unsigned bytes = getFormat(argument.getType()).bytes();
    char *packed = allocate(argument.getType());
    for (auto [index, bits] : llvm::enumerate(machine.get(argument)))
      std::memcpy(packed + index * bytes, &bits, bytes);
    arguments.push_back(packed);
  }
  SmallVector<void *> results;
  for (Type type : call.getResultTypes())
    results.push_back(allocate(type));
  if (!machine.options.callFunction ||
      !machine.options.callFunction(call.getSymbol(), count, arguments.data(), results.data()))
    return machine.error(op, "device function '" + call.getSymbol() + "' has no host implementation to interpret");
  for (auto [result, packed] : llvm::zip_equal(call.getResults(), results)) {
    Format format = getFormat(result.getType());
    Elements elements(count);
    for (auto [index, bits] : llvm::enumerate(elements)) {
      std::memcpy(&bits, static_cast<const char *>(packed) + index * format.bytes(), format.bytes());
      if (format.bits == 1)
        bits = bits != 0;
    }
    machine.set(result, std::move(elements));
  }
  return llvm::Error::success();
}

/// The caller has waited for the launches before this one.
llvm::Error runNothing(Machine &, Operation *) { return llvm::Error::success(); }

} // namespace

void interp::registerCheckHandlers(Handlers &handlers) {
  handlers.add<tile::AssumeOp>(runAssume);
  handlers.add<tile::AssertOp>(runAssert);
  handlers.add<tile::PrintOp>(runPrint);
  handlers.add<tile::ExternCallOp>(runExternCall);
  handlers.add<tile::WaitForLaunchesOp>(runNothing);
  handlers.add<tile::LaunchDependentsOp>(runNothing);
}
