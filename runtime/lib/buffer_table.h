#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kiln::runtime {

struct BufferRecord {
  std::uintptr_t begin;
  std::size_t bytes;
  std::string name;
};

/// The registered buffers at one moment: sorted by address, disjoint, never changed after it was made. Readers need no
/// lock.
class BufferTable {
public:
  explicit BufferTable(std::vector<BufferRecord> sorted) : records_(std::move(sorted)) {}

  bool contains(const void *address, std::size_t bytes) const;
  /// As debug::describe_access.
  std::string describe(const void *address, std::size_t bytes, bool is_store) const;

private:
  /// The index of the first buffer that begins after the address.
  std::size_t after(std::uintptr_t address) const;

  std::vector<BufferRecord> records_;
};

/// What is registered now. Repeated calls share one table until a registration changes it.
std::shared_ptr<const BufferTable> current_buffers();

} // namespace kiln::runtime
