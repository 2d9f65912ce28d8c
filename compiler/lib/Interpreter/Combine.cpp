//===- Combine.cpp - Contraction, reduction and scan ----------------------===//

#include "Machine.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::interp;

namespace {

//===----------------------------------------------------------------------===//
// dot
//===----------------------------------------------------------------------===//

/// f32 is summed in f64, whose products of f32 are exact, and rounded once; f64 in f64, integers modulo 2^32. `tf32` is
/// permission to be less exact, which this interpreter does not use.
llvm::Error runDot(Machine &machine, Operation *op) {
  auto dot = cast<tile::DotOp>(op);
  auto aType = cast<RankedTensorType>(dot.getA().getType()), bType = cast<RankedTensorType>(dot.getB().getType());
  int64_t rows = aType.getDimSize(0), depth = aType.getDimSize(1), columns = bType.getDimSize(1);
  Format aFormat = getFormat(aType), bFormat = getFormat(bType), format = getFormat(dot.getType());
  const Elements &a = machine.get(dot.getA()), &b = machine.get(dot.getB()), &c = machine.get(dot.getC());
  Elements result(c.size());
  if (!format.isFloat()) {
    for (int64_t m = 0; m < rows; ++m)
      for (int64_t n = 0; n < columns; ++n) {
        uint64_t sum = c[m * columns + n];
        for (int64_t k = 0; k < depth; ++k)
          sum += uint64_t(toSigned(aFormat, a[m * depth + k]) * toSigned(bFormat, b[k * columns + n]));
        result[m * columns + n] = truncate(format, sum);
      }
  } else {
    std::vector<double> left, right;
    for (uint64_t bits : a)
      left.push_back(toDouble(aFormat, bits));
    for (uint64_t bits : b)
      right.push_back(toDouble(bFormat, bits));
    for (int64_t m = 0; m < rows; ++m)
      for (int64_t n = 0; n < columns; ++n) {
        double sum = toDouble(format, c[m * columns + n]);
        for (int64_t k = 0; k < depth; ++k)
          sum += left[m * depth + k] * right[k * columns + n];
        result[m * columns + n] = fromDouble(format, sum);
      }
  }
  machine.set(dot, std::move(result));
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// reduce and scan
//===----------------------------------------------------------------------===//

/// Walks one axis of some tiles of one shape. All lines along the axis advance together, so that the combiner runs once
/// for each position; a combiner with control flow of its own is run for one line at a time.
class LineWalk {
public:
  LineWalk(Machine &machine, OperandRange sources, int64_t axis, Region &combiner)
      : machine(machine), sources(sources), combiner(combiner) {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(sources.front().getType()).getShape();
    length = shape[axis];
    for (int64_t size : shape.take_front(axis))
      outer *= size;
    for (int64_t size : shape.drop_front(axis + 1))
      inner *= size;
    bool isStraight = llvm::none_of(combiner.front(), [](Operation &op) { return op.getNumRegions() != 0; });
    linesAtOnce = isStraight ? outer * inner : 1;
  }

  /// Combines all positions in order, or from the last one backwards, and calls `visit(position, first line,
  /// accumulated elements)` after each.
  llvm::Error walk(bool reverse, llvm::function_ref<void(int64_t, int64_t, ArrayRef<ElementsRef>)> visit) {
    for (int64_t line = 0; line < outer * inner; line += linesAtOnce) {
      SmallVector<ElementsRef> accumulator;
      for (int64_t step = 0; step < length; ++step) {
        int64_t position = reverse ? length - 1 - step : step;
        SmallVector<ElementsRef> next = getPosition(position, line);
        if (step == 0) {
          accumulator = std::move(next);
        } else {
          SmallVector<ElementsRef> before = accumulator;
          if (llvm::Error failure = combine(before, next, accumulator))
            return failure;
        }
        visit(position, line, accumulator);
      }
    }
    return llvm::Error::success();
  }

  /// The index in a source of `position` on `line`.
  int64_t getIndex(int64_t position, int64_t line) const {
    return (line / inner * length + position) * inner + line % inner;
  }
  int64_t getNumLines() const { return outer * inner; }

private:
  /// Runs the combiner: `accumulator` becomes the combination of two tuples, of which `first` comes first in index
  /// order.
  llvm::Error combine(ArrayRef<ElementsRef> first, ArrayRef<ElementsRef> second,
                      SmallVectorImpl<ElementsRef> &accumulator) {
    Block &block = combiner.front();
    for (auto [argument, value] : llvm::zip_equal(block.getArguments().take_front(first.size()), first))
      machine.set(argument, value);
    for (auto [argument, value] : llvm::zip_equal(block.getArguments().drop_front(first.size()), second))
      machine.set(argument, value);
    if (llvm::Error failure = machine.run(block))
      return failure;
    accumulator.clear();
    for (Value value : block.getTerminator()->getOperands()) {
      ElementsRef elements = machine.getShared(value);
      // What does not depend on the arguments was computed once for all lines.
      if (int64_t(elements->size()) != linesAtOnce)
        elements = std::make_shared<const Elements>(linesAtOnce, elements->front());
      accumulator.push_back(std::move(elements));
    }
    return llvm::Error::success();
  }

  SmallVector<ElementsRef> getPosition(int64_t position, int64_t firstLine) const {
    SmallVector<ElementsRef> result;
    for (Value source : sources) {
      const Elements &elements = machine.get(source);
      Elements slice;
      for (int64_t line = firstLine; line < firstLine + linesAtOnce; ++line)
        slice.push_back(elements[getIndex(position, line)]);
      result.push_back(std::make_shared<const Elements>(std::move(slice)));
    }
    return result;
  }

  Machine &machine;
  OperandRange sources;
  Region &combiner;
  int64_t length = 1, outer = 1, inner = 1, linesAtOnce = 1;
};

llvm::Error runReduce(Machine &machine, Operation *op) {
  auto reduce = cast<tile::ReduceOp>(op);
  LineWalk lines(machine, reduce.getSources(), reduce.getAxis(), reduce.getCombiner());
  std::vector<Elements> results(op->getNumResults(), Elements(lines.getNumLines()));
  // The last visit of a line leaves its total.
  auto keep = [&](int64_t, int64_t firstLine, ArrayRef<ElementsRef> accumulated) {
    for (auto [result, elements] : llvm::zip_equal(results, accumulated))
      llvm::copy(*elements, result.begin() + firstLine);
  };
  if (llvm::Error failure = lines.walk(/*reverse=*/false, keep))
    return failure;
  for (auto [result, elements] : llvm::zip_equal(op->getResults(), results))
    machine.set(result, std::move(elements));
  return llvm::Error::success();
}

llvm::Error runScan(Machine &machine, Operation *op) {
  auto scan = cast<tile::ScanOp>(op);
  LineWalk lines(machine, scan.getSources(), scan.getAxis(), scan.getCombiner());
  std::vector<Elements> results;
  for (Value source : scan.getSources())
    results.push_back(Elements(machine.get(source).size()));
  auto keep = [&](int64_t position, int64_t firstLine, ArrayRef<ElementsRef> accumulated) {
    for (auto [result, elements] : llvm::zip_equal(results, accumulated))
      for (size_t i = 0; i < elements->size(); ++i)
        result[lines.getIndex(position, firstLine + i)] = (*elements)[i];
  };
  if (llvm::Error failure = lines.walk(scan.getReverse(), keep))
    return failure;
  for (auto [result, elements] : llvm::zip_equal(op->getResults(), results))
    machine.set(result, std::move(elements));
  return llvm::Error::success();
}

} // namespace

void interp::registerCombineHandlers(Handlers &handlers) {
  handlers.add<tile::DotOp>(runDot);
  handlers.add<tile::ReduceOp>(runReduce);
  handlers.add<tile::ScanOp>(runScan);
}
