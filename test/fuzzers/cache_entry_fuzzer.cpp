// The reader of cache entries: bytes as they are, and bytes behind a header and before a checksum that are right, as
// somebody would write them who knows the format. What is read, written and read again is the same.
#include "cache_file.h"
#include "fuzzer.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

using namespace kiln::runtime;
using namespace kiln::fuzz;

namespace {

/// A file of that key.
Bytes sealed(std::string_view magic, const CacheKey &key, std::span<const std::uint8_t> payload) {
  Bytes bytes(magic.begin(), magic.end());
  bytes.insert(bytes.end(), {1, 0, 0, 0, 0, 0, 0, 0});
  bytes.insert(bytes.end(), key.begin(), key.end());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  XXH128_canonical_t sum;
  XXH128_canonicalFromHash(&sum, XXH3_128bits(bytes.data(), bytes.size()));
  bytes.insert(bytes.end(), std::begin(sum.digest), std::end(sum.digest));
  return bytes;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::span<const std::uint8_t> input(data, size);
  const CacheKey key{};
  (void)decode_entry(key, input);

  if (const std::optional<KernelImage> image = deserialise(input)) {
    expect(check_image(*image).empty(), "an image that is read can be launched");
    const Bytes written = serialise(*image);
    expect(std::equal(written.begin(), written.end(), input.begin(), input.end()), "an image has one form");
  }
  CacheEntry entry = decode_entry(key, sealed("KILNKRN\n", key, input));
  expect(entry.state != CacheEntry::State::damaged, "what is sealed is not damaged");
  if (entry.image)
    expect(decode_entry(key, encode_entry(key, *entry.image)).image == entry.image, "an image survives");
  entry = decode_entry(key, sealed("KILNTUN\n", key, input));
  if (entry.tuning)
    expect(decode_entry(key, encode_entry(key, *entry.tuning)).tuning == entry.tuning, "a record survives");
  return 0;
}
