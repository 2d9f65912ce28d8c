// What compiling a kernel took and made.
#pragma once

#include "kiln/export.h"

#include <cstddef>
#include <string>
#include <vector>

namespace kiln {

/// An area of a program's shared memory. Areas of buffers that are never live at the same time overlap.
struct SharedBuffer {
  std::string use;   // the operation that exchanges data in it: "tile.reduce"
  std::string place; // of that operation, "file.cpp:41"; empty where it is not known
  std::size_t offset = 0, bytes = 0;
};

/// How a load, store or atomic of tiles reaches global memory.
struct MemoryAccess {
  std::string place;        // "file.cpp:41:20"; empty where it is not known
  std::string operation;    // "load", "store" or "atomic"
  std::string type;         // of what is read or written: "64x128xbf16"
  unsigned vector_bits = 0; // that one instruction of one thread moves, at most 128
  unsigned count = 0;       // instructions of one thread
  bool predicated = false;  // it has a mask
  bool read_only = false;   // a load that takes the path for memory that nobody writes
  std::string reason;       // why it is not wider; empty at 128 bits
  std::string pipeline;     // of a load in a range with num_stages: how it runs ahead, or why not
  bool evict_first = false; // a load whose memory is the first to leave the caches
};

struct CompileReport {
  double trace_ms = 0;           // running the kernel function and building its IR
  double compile_ms = 0;         // from IR to machine code
  std::size_t scratch_bytes = 0; // workspace of one CPU worker
  std::string target;            // what it was compiled for: "znver3 +avx2,...", "sm_90a"
  bool cached = false;           // the kernel was already compiled for this config and device in this process
  bool from_disk = false;        // it was found in the cache on disk: no pass and no code generator ran

  // Of a GPU kernel. Registers and spills are known where an assembler could be asked for them.
  double lower_ms = 0;               // of compile_ms: from IR to PTX
  double assemble_ms = 0;            // of compile_ms: from PTX to cubin
  std::string assembler;             // its name and version; empty where there was none, and so no cubin
  unsigned threads = 0;              // of a program
  unsigned registers = 0;            // of a thread
  std::size_t spill_store_bytes = 0; // of a thread
  std::size_t spill_load_bytes = 0;
  std::size_t shared_bytes = 0; // of a program
  unsigned programs_per_multiprocessor = 0;
  double occupancy = 0;        // resident warps of a multiprocessor, of the most it takes
  std::string occupancy_limit; // what bounds it: "registers", "shared memory", "threads" or "programs"
  std::vector<SharedBuffer> shared_buffers;
  std::vector<MemoryAccess> accesses; // in program order

  /// A table to read.
  KILN_API std::string text() const;
  /// One JSON object with the members above.
  KILN_API std::string json() const;
};

/// What a kernel is compiled to for a GPU.
struct CompiledCode {
  std::string ptx;
  std::vector<unsigned char> cubin; // empty where no assembler was found
  CompileReport report;
};

} // namespace kiln
