//===- thread_simulator.h - All threads of one program, in lockstep -----------------------------*- C++ -*-===//
//
// Carries out what tile-gpu-lower-to-threads makes of a kernel: every operation for all threads, one operation after
// the other. Memory notes who accessed what since the last barrier, so that an access which another thread of the
// program could overtake is an error even though nothing is overtaken here. Knows integers, bits and the machine
// operations that exchange data.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_TEST_UNIT_COMPILER_THREAD_SIMULATOR_H
#define KILN_TEST_UNIT_COMPILER_THREAD_SIMULATOR_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::tile_gpu {

/// Bytes, and the threads that accessed them since the last barrier.
class SimulatedMemory {
public:
  explicit SimulatedMemory(size_t bytes) : bytes(bytes), states(bytes) {}

  std::vector<uint8_t> bytes;

  /// An access of `size` bytes, at most 8; an error comes back as text.
  uint64_t load(uint64_t address, unsigned size, unsigned thread, std::string &error);
  void store(uint64_t address, unsigned size, uint64_t value, unsigned thread, std::string &error);
  void barrier() { ++epoch; }

private:
  struct State {
    unsigned writeEpoch = 0, readEpoch = 0; // 0: never
    unsigned writer = 0, reader = 0;
    bool manyReaders = false;
  };
  bool check(uint64_t address, unsigned size, std::string &error) const;

  std::vector<State> states;
  unsigned epoch = 1;
};

class ThreadSimulator {
public:
  ThreadSimulator(mlir::func::FuncOp kernel, unsigned warps, SimulatedMemory &global);

  /// Runs the program whose parameters are `arguments`. Returns what went wrong, or nothing.
  std::string run(llvm::ArrayRef<uint64_t> arguments);

private:
  using Lanes = std::vector<uint64_t>; // one value a thread

  void execute(mlir::Block &block);
  void execute(mlir::Operation &op);
  void executeLoop(mlir::Operation &op);
  void executeArith(mlir::Operation &op);
  void executeMachine(mlir::Operation &op);
  void executeShuffle(mlir::Operation &op, llvm::StringRef mode);
  void executeAccess(mlir::Operation &op, llvm::StringRef name);
  void executeAtomic(mlir::Operation &op, llvm::StringRef name);
  void executeBits(mlir::Operation &op);
  void executeMatrices(mlir::Operation &op);

  const Lanes &get(mlir::Value value) { return values[value]; }
  void set(mlir::Value value, Lanes lanes);
  void fail(const llvm::Twine &what);
  /// The value that all threads have.
  uint64_t getUniform(mlir::Value value);

  mlir::func::FuncOp kernel;
  unsigned threads;
  SimulatedMemory &global;
  SimulatedMemory shared;
  llvm::DenseMap<mlir::Value, Lanes> values;
  std::string error;
};

} // namespace kiln::tile_gpu

#endif // KILN_TEST_UNIT_COMPILER_THREAD_SIMULATOR_H
