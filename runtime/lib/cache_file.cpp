#include "cache_file.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstring>

using namespace kiln;
using namespace kiln::runtime;

// 8 bytes of magic, the format version (32 bits, little-endian), 4 zero bytes, the key, the serialised image, and the
// XXH3-128 of everything before it in canonical (big-endian) form. In every version the magic is first, the version
// follows and the checksum is last, so that a whole file of another version can be told from a damaged one.
namespace {

constexpr std::uint8_t magic[8] = {'K', 'I', 'L', 'N', 'K', 'R', 'N', '\n'};
constexpr std::uint8_t format_version = 1;
constexpr std::size_t version_at = sizeof(magic);
constexpr std::size_t key_at = version_at + 8;
constexpr std::size_t image_at = key_at + sizeof(CacheKey);
constexpr std::size_t checksum_bytes = sizeof(XXH128_canonical_t);

XXH128_canonical_t checksum(std::span<const std::uint8_t> bytes) {
  XXH128_canonical_t sum;
  XXH128_canonicalFromHash(&sum, XXH3_128bits(bytes.data(), bytes.size()));
  return sum;
}

} // namespace

std::vector<std::uint8_t> runtime::encode_entry(const CacheKey &key, const KernelImage &image) {
  std::vector<std::uint8_t> payload = serialise(image);
  std::vector<std::uint8_t> bytes;
  bytes.reserve(image_at + payload.size() + checksum_bytes);
  bytes.assign(std::begin(magic), std::end(magic));
  bytes.push_back(format_version);
  bytes.resize(key_at); // the rest of the version, and the zero bytes
  bytes.insert(bytes.end(), key.begin(), key.end());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  XXH128_canonical_t sum = checksum(bytes);
  bytes.insert(bytes.end(), std::begin(sum.digest), std::end(sum.digest));
  return bytes;
}

CacheEntry runtime::decode_entry(const CacheKey &key, std::span<const std::uint8_t> bytes) {
  using State = CacheEntry::State;
  if (bytes.size() < image_at + checksum_bytes)
    return {State::damaged, "it has only " + std::to_string(bytes.size()) + " bytes", {}};
  std::span<const std::uint8_t> content = bytes.first(bytes.size() - checksum_bytes);
  XXH128_canonical_t sum = checksum(content);
  if (std::memcmp(sum.digest, bytes.data() + content.size(), checksum_bytes) != 0)
    return {State::damaged, "its checksum does not match", {}};
  if (!std::equal(std::begin(magic), std::end(magic), content.begin()))
    return {State::damaged, "it is no cache entry", {}};
  // From here on the file is what some version of Kiln wrote.
  if (content[version_at] != format_version || content[version_at + 1] || content[version_at + 2] ||
      content[version_at + 3])
    return {State::other_version, "it has the format of another version", {}};
  if (!std::equal(key.begin(), key.end(), content.begin() + key_at))
    return {State::damaged, "it holds the entry of another key", {}};
  CacheEntry entry{State::good, {}, {}};
  entry.image = deserialise(content.subspan(image_at), &entry.fault);
  if (!entry.image)
    entry.state = State::other_version;
  return entry;
}
