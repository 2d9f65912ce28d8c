// The bytes of a pack: a header, the index, and the code of the kernels.
//
// The header is 64 bytes: 8 of magic, the format version and the kernel ABI version (32 bits each), the sizes of the
// file and of the index (64 bits each), the number of entries (32 bits), 12 zero bytes, and the XXH3-128, in canonical
// form, of all that and the index. All numbers are little-endian. In every version the magic is first and the format
// version follows. The index comes next (pack_format.cpp), then the serialised images, each with a checksum in the
// index: so a pack is opened without reading its code.
#pragma once

#include "kiln/runtime/pack_file.h"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln::runtime {

constexpr std::size_t pack_header_bytes = 64;
/// Larger indices are not read: a damaged size must not ask for the machine's memory.
constexpr std::uint64_t max_index_bytes = std::uint64_t{1} << 28;
/// Nor are larger images.
constexpr std::uint64_t max_image_bytes = std::uint64_t{1} << 28;

using Checksum = std::array<std::uint8_t, 16>;

struct PackHeader {
  std::uint64_t file_bytes = 0, index_bytes = 0;
  std::uint32_t entries = 0;
  Checksum checksum{};
};

/// Where an image lies in the file.
struct PackedImage {
  std::uint64_t offset = 0, bytes = 0;
  Checksum checksum{};
};

struct PackIndex {
  std::vector<PackEntry> entries;
  std::vector<std::vector<PackedImage>> images; ///< of each entry: specialised, and generic where there are facts
};

// These return what is wrong with the bytes, in words, or an empty string. Any bytes are safe to pass.

/// Reads the header of a file of `file_bytes`, of which `bytes` are the first 64 or all.
std::string decode_header(std::span<const std::uint8_t> bytes, std::uint64_t file_bytes, PackHeader &header);
/// Whether header and index are what was written.
std::string check_index(std::span<const std::uint8_t> header_bytes, std::span<const std::uint8_t> index_bytes,
                        const PackHeader &header);
std::string decode_index(std::span<const std::uint8_t> bytes, const PackHeader &header, PackIndex &index);
/// Reads an image of the entry.
std::string decode_image(std::span<const std::uint8_t> bytes, const PackedImage &where, const PackEntry &entry,
                         KernelImage &image);

/// The members that "a=1 b=2" or "a=1,b=2" names.
/// \returns false where something is not of the form NAME=VALUE, or a name comes twice.
bool parse_config(std::string_view text, std::vector<std::pair<std::string_view, std::string_view>> &members);

/// Whether a device of that compute capability runs code for the architecture, and how well it fits: 0 where it does
/// not, more for a nearer one.
int arch_fits(std::string_view arch, int major, int minor);

} // namespace kiln::runtime
