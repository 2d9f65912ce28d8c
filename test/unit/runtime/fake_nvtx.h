// A profiler that takes NVTX ranges and remembers them: the library that NVTX_INJECTION64_PATH names.
#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace fake_nvtx {

/// A range begins; or ends, with no name.
struct Record {
  std::thread::id thread;
  bool begins;
  std::string domain, name;
};

struct State {
  std::mutex mutex;
  int attached = 0; // how many copies of NVTX have found this library
  std::vector<Record> records;
};

__attribute__((visibility("default"))) State &state();

} // namespace fake_nvtx
