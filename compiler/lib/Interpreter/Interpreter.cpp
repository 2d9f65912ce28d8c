//===- Interpreter.cpp - The reference interpreter of tile programs -------===//

#include "kiln/Interpreter/Interpreter.h"

#include "Machine.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "llvm/Support/FormatVariadic.h"
#include <cstring>

using namespace mlir;
using namespace kiln;
using namespace kiln::interp;

size_t interp::countElements(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? size_t(tensor.getNumElements()) : 1;
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

static llvm::Error makeError(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

/// The first place in a source file that `loc` names.
static FileLineColLoc findFileLocation(Location loc) {
  FileLineColLoc found;
  loc->walk([&](Location inner) {
    if ((found = dyn_cast<FileLineColLoc>(inner)))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return found;
}

llvm::Error Machine::error(Operation *op, const llvm::Twine &message) const {
  std::string place;
  if (FileLineColLoc loc = findFileLocation(op->getLoc()))
    place = llvm::formatv("{0}:{1}:{2}: ", loc.getFilename().getValue(), loc.getLine(), loc.getColumn());
  return makeError(place + "error: " + message +
                   llvm::formatv(" (program ({0}, {1}, {2}))", program[0], program[1], program[2]));
}

//===----------------------------------------------------------------------===//
// Running operations
//===----------------------------------------------------------------------===//

ElementsRef Machine::getShared(Value value) const { return values.find(value)->second; }

void Machine::assign(ValueRange to, ValueRange from) {
  SmallVector<ElementsRef> copies;
  for (Value value : from)
    copies.push_back(getShared(value));
  for (auto [value, copy] : llvm::zip_equal(to, copies))
    set(value, copy);
}

llvm::Error Machine::run(Block &block) {
  for (Operation &op : block.without_terminator())
    if (llvm::Error failure = run(&op))
      return failure;
  return llvm::Error::success();
}

llvm::Error Machine::run(Operation *op) {
  if (std::optional<RegisteredOperationName> name = op->getRegisteredInfo()) {
    if (auto maker = handlers.elementwise.find(name->getTypeID()); maker != handlers.elementwise.end())
      return runElementwise(op, maker->second(op));
    if (auto handler = handlers.operations.find(name->getTypeID()); handler != handlers.operations.end())
      return handler->second(*this, op);
  }
  return error(op, "the interpreter does not know operation '" + op->getName().getStringRef() + "'");
}

/// An operand with one element stands for all: a scalar beside tiles, and a constant in a combiner that runs for many
/// lines at once.
llvm::Error Machine::runElementwise(Operation *op, const ElementFunction &function) {
  if (!function)
    return error(op, "the interpreter does not know this form of '" + op->getName().getStringRef() + "'");
  SmallVector<const Elements *, 3> operands;
  size_t count = 1;
  for (Value operand : op->getOperands()) {
    operands.push_back(&get(operand));
    count = std::max(count, operands.back()->size());
  }
  Elements result(count);
  SmallVector<uint64_t, 3> element(operands.size());
  const char *fault = nullptr;
  for (size_t i = 0; i < count; ++i) {
    for (auto [slot, operand] : llvm::zip_equal(element, operands))
      slot = operand->size() == 1 ? operand->front() : (*operand)[i];
    result[i] = function(element.data(), fault);
    if (fault)
      return error(op, fault);
  }
  set(op->getResult(0), std::move(result));
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Launching
//===----------------------------------------------------------------------===//

static const Handlers &getHandlers() {
  static const Handlers handlers = [] {
    Handlers made;
    registerIntegerHandlers(made);
    registerFloatHandlers(made);
    registerShapeHandlers(made);
    registerMemoryHandlers(made);
    registerCombineHandlers(made);
    registerControlHandlers(made);
    registerCheckHandlers(made);
    return made;
  }();
  return handlers;
}

/// Reads the arguments into the values of the parameters, and checks what the kernel declares about them.
static llvm::Error setArguments(Machine &machine, func::FuncOp function, ArrayRef<const void *> args) {
  for (auto [index, parameter] : llvm::enumerate(function.getArguments())) {
    Format format = getFormat(parameter.getType());
    uint64_t bits = 0;
    std::memcpy(&bits, args[index], format.bytes());
    machine.set(parameter, Elements{format.bits == 1 ? uint64_t(bits != 0) : bits});
    auto divisor = function.getArgAttrOfType<IntegerAttr>(index, tile::kDivisibilityAttr);
    if (divisor && machine.options.asserts && toSigned(format, bits) % divisor.getInt() != 0)
      return machine.error(function, llvm::formatv("argument {0} is declared to be a multiple of {1}, but is {2}",
                                                   index, divisor.getInt(), toSigned(format, bits)));
  }
  return llvm::Error::success();
}

llvm::Error interp::interpret(ModuleOp module, StringRef kernel, ArrayRef<const void *> args,
                              std::array<uint32_t, 3> grid, const Options &options) {
  auto function = module.lookupSymbol<func::FuncOp>(kernel);
  if (!function || !tile::isKernel(function) || function.isExternal())
    return makeError("error: no kernel named '" + kernel + "'");
  if (args.size() != function.getNumArguments())
    return makeError(llvm::formatv("error: kernel '{0}' takes {1} arguments, but {2} are given", kernel,
                                   function.getNumArguments(), args.size()));
  for (Block &block : function.getBody())
    if (&block != &function.getBody().front())
      return makeError("error: kernel '" + kernel + "' has unstructured control flow");
  for (uint32_t z = 0; z < grid[2]; ++z)
    for (uint32_t y = 0; y < grid[1]; ++y)
      for (uint32_t x = 0; x < grid[0]; ++x) {
        Machine machine(getHandlers(), options, grid);
        machine.program = {x, y, z};
        if (llvm::Error failure = setArguments(machine, function, args))
          return failure;
        if (llvm::Error failure = machine.run(function.getBody().front()))
          return failure;
      }
  return llvm::Error::success();
}
