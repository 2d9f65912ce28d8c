#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace kiln::runtime {

struct BufferRecord {
  std::uintptr_t begin;
  std::size_t bytes;
  std::string name;
  /// Of an output: the thread whose launches write it.
  std::thread::id writer{};

  /// Where the range does not wrap.
  bool contains(std::uintptr_t address, std::size_t size) const {
    std::size_t offset = address - begin;
    return offset <= bytes && size <= bytes - offset;
  }
};

/// "buffer 'out' (64 bytes)".
std::string describe_buffer(const BufferRecord &record);

/// The registered buffers at one moment: sorted by address, disjoint, never changed after it was made. Readers need no
/// lock.
class BufferTable {
public:
  explicit BufferTable(std::vector<BufferRecord> sorted) : records_(std::move(sorted)) {}

  bool contains(const void *address, std::size_t bytes) const { return find(address, bytes) != nullptr; }
  /// The buffer that all of the range lies in; null where there is none.
  const BufferRecord *find(const void *address, std::size_t bytes) const;
  /// As debug::describe_access, of an access that is called `what`: "load".
  std::string describe(const void *address, std::size_t bytes, std::string_view what) const;

  const std::vector<BufferRecord> &records() const { return records_; }

private:
  /// The index of the first buffer that begins after the address.
  std::size_t after(std::uintptr_t address) const;

  std::vector<BufferRecord> records_;
};

/// What is registered now, and what this thread's call knows (CallBuffers). Repeated calls share one table until a
/// registration changes it.
std::shared_ptr<const BufferTable> current_buffers();
/// The second part of it: `known` and the buffers of this thread's call.
std::shared_ptr<const BufferTable> with_call_buffers(std::shared_ptr<const BufferTable> known);

/// Makes memory that a device has handed out known like a buffer, under this name. Buffers and outputs that are
/// registered within it take its place for as long as they are.
void register_allocation(const void *address, std::size_t bytes, const char *name);
void unregister_allocation(const void *address);

} // namespace kiln::runtime
