// The bytes of a cache entry.
#pragma once

#include "kiln/runtime/disk_cache.h"

namespace kiln::runtime {

/// Larger files are not read: no kernel is that big, and a damaged length must not ask for the machine's memory.
constexpr std::uint64_t max_entry_bytes = std::uint64_t{1} << 28;

/// The file that holds the image.
/// \throws InvalidArgument for an image that fails check_image.
std::vector<std::uint8_t> encode_entry(const CacheKey &key, const KernelImage &image);

/// The file that holds the record.
std::vector<std::uint8_t> encode_entry(const CacheKey &key, const TuningRecord &record);

/// What the bytes hold: good, other_version or damaged.
CacheEntry decode_entry(const CacheKey &key, std::span<const std::uint8_t> bytes);

} // namespace kiln::runtime
