// The reader of packs: bytes as they are, and with every checksum made right, as somebody would write them who knows
// the format.
#include "fuzzer.h"
#include "pack_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>

using namespace kiln::runtime;
using namespace kiln::fuzz;

namespace {

Checksum checksum(std::span<const std::uint8_t> bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  Checksum sum;
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), sum.begin());
  return sum;
}

/// Reads a pack as kiln::Pack does. `trusting` passes over the checksums.
void read(std::span<const std::uint8_t> bytes, bool trusting) {
  PackHeader header;
  const auto header_bytes = bytes.first(std::min(bytes.size(), pack_header_bytes));
  if (!decode_header(header_bytes, bytes.size(), header).empty())
    return;
  const auto index_bytes = bytes.subspan(pack_header_bytes, header.index_bytes);
  PackIndex index;
  const bool whole = check_index(header_bytes, index_bytes, header).empty();
  if ((!whole && !trusting) || !decode_index(index_bytes, header, index).empty())
    return;
  std::vector<PackContent> contents;
  for (std::size_t i = 0; i < index.entries.size(); ++i) {
    expect(check_entry(index.entries[i]).empty(), "an entry that is read is well-formed");
    PackContent &content = contents.emplace_back();
    content.entry = index.entries[i];
    for (std::size_t variant = 0; variant < index.images[i].size(); ++variant) {
      PackedImage where = index.images[i][variant];
      const auto image_bytes = bytes.subspan(where.offset, where.bytes); // which decode_index has checked
      if (trusting)
        where.checksum = checksum(image_bytes);
      KernelImage image;
      if (!decode_image(image_bytes, where, index.entries[i], image).empty())
        return;
      if (variant == 0)
        content.specialised = std::move(image);
      else
        content.generic = std::move(image);
    }
  }
  // What was read can be written, and is then read as the same.
  const Bytes written = encode_pack(contents);
  PackHeader again;
  PackIndex same;
  expect(decode_header(written, written.size(), again).empty() &&
             decode_index(std::span(written).subspan(pack_header_bytes, again.index_bytes), again, same).empty(),
         "a pack that is written is read");
  expect(same.entries == index.entries, "a pack survives");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::span<const std::uint8_t> input(data, size);
  read(input, false);
  read(input, true);
  // The size of the file is nearly always wrong when bytes come and go.
  if (size >= pack_header_bytes) {
    Bytes fitting(input.begin(), input.end());
    const std::uint64_t bytes = size;
    std::memcpy(fitting.data() + 16, &bytes, sizeof bytes);
    read(fitting, true);
  }
  return 0;
}
