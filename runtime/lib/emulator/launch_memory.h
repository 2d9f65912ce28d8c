// What LaunchMemory holds.
#pragma once

#include "buffer_table.h"
#include "global_memory.h"
#include "memory_pages.h"

#include <map>

namespace kiln::runtime::emulator {

struct LaunchMemory::State {
  static constexpr unsigned max_runs = 2;

  /// What a run wrote to a page, by all workers.
  struct PageOfRun {
    PageMask written;
    PageContents contents{}; ///< of the first run: what it left in the bytes that it wrote
  };

  std::shared_ptr<const BufferTable> buffers = current_buffers();
  std::vector<BufferRecord> outputs; ///< of this launch, by address
  unsigned runs = 0;                 ///< begun so far
  SavedPages saved;
  std::map<std::uint64_t, PageOfRun> first; ///< set by rewind()

  std::mutex mutex; ///< of `logs`
  std::array<std::vector<std::unique_ptr<WriteLog>>, max_runs> logs;

  /// A log for a worker of the current run.
  WriteLog &make_log();
  /// What all workers wrote in a run.
  std::map<std::uint64_t, PageMask> pages_of(unsigned run) const;
  /// The site that wrote 4 bytes, in the second run where it did; negative where none did.
  std::int64_t find_site(std::uint64_t address) const;
  /// Where a program wrote to the first byte from `begin` to `end` that is written; negative where none is.
  std::int64_t find_first_site(const std::map<std::uint64_t, PageMask> &pages, std::uint64_t begin,
                               std::uint64_t end) const;
  bool is_output(std::uint64_t address) const;
  /// "byte 17 of buffer 'out' (64 bytes)".
  std::string describe_byte(std::uint64_t address) const;
};

} // namespace kiln::runtime::emulator
