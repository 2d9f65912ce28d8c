//===- thread_emulator.h - Runs thread-level IR for all threads of a program -----------------------------===//
//
// A test executor of what `tile-to-gpu-threads` leaves: all threads of one program walk through the code together, and
// each machine operation does what docs/reference/machine-operations.md says. It finds what a GPU would hide: reads of
// shared memory that nobody wrote, accesses of two threads to one byte of shared memory with no barrier between them,
// and barriers or exchanges that some threads do not reach.
//
// Pure arithmetic is the reference interpreter's.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "Interpreter/Machine.h"

#include "kiln/Dialect/TileGPU/IR/MachineOps.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <unordered_map>

namespace kiln {

class ThreadEmulator {
public:
  /// `kernel` is thread-level IR. Its shared memory starts at some address that is not 0.
  explicit ThreadEmulator(mlir::func::FuncOp kernel);

  /// Global memory that the kernel may access; there is none but what is named here.
  void addBuffer(const void *start, size_t bytes) { buffers.emplace_back(uint64_t(start), bytes); }

  /// From now on global memory is watched like shared memory: two threads of the program that access a byte with no
  /// barrier between them, one of them a write, are an error. (A store may name one address twice, and atomics may
  /// meet; this is for kernels that do neither.)
  void watchGlobalMemory() { watchesGlobal = true; }

  /// Runs the program `program` of `grid` with the values of the parameters; pointers are addresses. Returns what went
  /// wrong, or nothing.
  std::string run(llvm::ArrayRef<uint64_t> arguments, std::array<uint32_t, 3> program = {0, 0, 0},
                  std::array<uint32_t, 3> grid = {1, 1, 1});

private:
  using Lanes = std::vector<uint64_t>; // one value by thread
  using Mask = std::vector<bool>;

  void runBlock(mlir::Block &block, const Mask &active);
  void runOperation(mlir::Operation *op, const Mask &active);
  void runFor(mlir::scf::ForOp op, const Mask &active);
  void runIf(mlir::scf::IfOp op, const Mask &active);
  void runWhile(mlir::scf::WhileOp op, const Mask &active);
  void runMachine(tile_gpu::MachineOp op, const Mask &active);
  void runAccess(tile_gpu::MachineOp op, llvm::StringRef name, const Mask &active);
  void runRegisters(tile_gpu::MachineOp op, llvm::StringRef name, const Mask &active);
  void runAtomic(tile_gpu::MachineOp op, llvm::StringRef name, const Mask &active);
  void runMma(tile_gpu::MachineOp op, llvm::StringRef name);
  void runMatrixLoad(tile_gpu::MachineOp op, llvm::StringRef name);
  void runWarpOperation(tile_gpu::MachineOp op, llvm::StringRef name);

  /// Copies the values of active threads, as if at once.
  void assign(mlir::ValueRange to, mlir::ValueRange from, const Mask &active);
  Lanes &get(mlir::Value value);
  void set(mlir::Value value, const Mask &active, llvm::function_ref<uint64_t(unsigned thread)> function);

  struct Byte;
  void checkGlobal(unsigned thread, uint64_t address, size_t bytes, bool isWrite);
  void readShared(unsigned thread, uint64_t address, void *data, size_t bytes);
  void writeShared(unsigned thread, uint64_t address, const void *data, size_t bytes);
  /// Notes an access to a byte, and complains where it meets another thread's.
  void note(unsigned thread, Byte &byte, llvm::StringRef space, uint64_t address, bool isWrite);
  void requireAll(mlir::Operation *op, const Mask &active);
  void fail(const llvm::Twine &message);

  /// Who accessed a byte of shared memory since the last barrier of the program: threads of a warp and how often the
  /// warp had synchronised by then.
  struct Access {
    unsigned warp, warpTime;
    uint32_t lanes;
    bool isWrite;
  };
  struct Byte {
    uint8_t value = 0;
    bool isWritten = false;
    unsigned time = 0;
    llvm::SmallVector<Access, 1> accesses;
  };

  interp::Handlers handlers;
  std::vector<std::pair<uint64_t, size_t>> buffers;
  mlir::func::FuncOp kernel;
  unsigned numThreads;
  std::array<uint32_t, 3> program = {0, 0, 0}, grid = {1, 1, 1};
  llvm::DenseMap<mlir::Value, Lanes> values;
  std::vector<Byte> shared;
  std::unordered_map<uint64_t, Byte> global; // where it is watched; the values are in place
  bool watchesGlobal = false;
  unsigned time = 1;               // barriers of the program
  std::vector<unsigned> warpTimes; // of each warp
  std::string failure;
  mlir::Operation *current = nullptr;
};

} // namespace kiln
