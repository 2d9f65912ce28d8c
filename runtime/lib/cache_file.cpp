#include "cache_file.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>

using namespace kiln;
using namespace kiln::runtime;

// 8 bytes of magic, the format version (32 bits, little-endian), 4 zero bytes, the key, the serialised image or record,
// and the XXH3-128 of everything before it in canonical (big-endian) form. In every version the magic is first, the
// version follows and the checksum is last, so that a whole file of another version can be told from a damaged one.
//
// A record of tuning is four strings, each after its length in 64 bits, little-endian.
namespace {

using Magic = std::array<std::uint8_t, 8>;
constexpr Magic kernel_magic = {'K', 'I', 'L', 'N', 'K', 'R', 'N', '\n'};
constexpr Magic tuning_magic = {'K', 'I', 'L', 'N', 'T', 'U', 'N', '\n'};
constexpr std::uint8_t format_version = 1;
constexpr std::size_t version_at = sizeof(Magic);
constexpr std::size_t key_at = version_at + 8;
constexpr std::size_t payload_at = key_at + sizeof(CacheKey);
constexpr std::size_t checksum_bytes = sizeof(XXH128_canonical_t);

XXH128_canonical_t checksum(std::span<const std::uint8_t> bytes) {
  XXH128_canonical_t sum;
  XXH128_canonicalFromHash(&sum, XXH3_128bits(bytes.data(), bytes.size()));
  return sum;
}

std::vector<std::uint8_t> encode(const Magic &magic, const CacheKey &key, std::span<const std::uint8_t> payload) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(payload_at + payload.size() + checksum_bytes);
  bytes.assign(magic.begin(), magic.end());
  bytes.push_back(format_version);
  bytes.resize(key_at); // the rest of the version, and the zero bytes
  bytes.insert(bytes.end(), key.begin(), key.end());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  XXH128_canonical_t sum = checksum(bytes);
  bytes.insert(bytes.end(), std::begin(sum.digest), std::end(sum.digest));
  return bytes;
}

std::optional<TuningRecord> decode_record(std::span<const std::uint8_t> payload) {
  TuningRecord record;
  for (std::string *part : {&record.kernel, &record.device, &record.problem, &record.results}) {
    std::uint64_t size = 0;
    if (payload.size() < sizeof(size))
      return std::nullopt;
    for (unsigned i = 0; i < sizeof(size); ++i)
      size |= std::uint64_t{payload[i]} << (8 * i);
    payload = payload.subspan(sizeof(size));
    if (payload.size() < size)
      return std::nullopt;
    part->assign(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(size));
    payload = payload.subspan(size);
  }
  return payload.empty() ? std::optional(std::move(record)) : std::nullopt;
}

} // namespace

std::vector<std::uint8_t> runtime::encode_entry(const CacheKey &key, const KernelImage &image) {
  return encode(kernel_magic, key, serialise(image));
}

std::vector<std::uint8_t> runtime::encode_entry(const CacheKey &key, const TuningRecord &record) {
  std::vector<std::uint8_t> payload;
  for (const std::string *part : {&record.kernel, &record.device, &record.problem, &record.results}) {
    for (unsigned shift = 0; shift < 64; shift += 8)
      payload.push_back(static_cast<std::uint8_t>(std::uint64_t(part->size()) >> shift));
    payload.insert(payload.end(), part->begin(), part->end());
  }
  return encode(tuning_magic, key, payload);
}

CacheEntry runtime::decode_entry(const CacheKey &key, std::span<const std::uint8_t> bytes) {
  using State = CacheEntry::State;
  if (bytes.size() < payload_at + checksum_bytes)
    return {State::damaged, "it has only " + std::to_string(bytes.size()) + " bytes"};
  std::span<const std::uint8_t> content = bytes.first(bytes.size() - checksum_bytes);
  XXH128_canonical_t sum = checksum(content);
  if (std::memcmp(sum.digest, bytes.data() + content.size(), checksum_bytes) != 0)
    return {State::damaged, "its checksum does not match"};
  const bool tuning = std::equal(tuning_magic.begin(), tuning_magic.end(), content.begin());
  if (!tuning && !std::equal(kernel_magic.begin(), kernel_magic.end(), content.begin()))
    return {State::damaged, "it is no cache entry"};
  // From here on the file is what some version of Kiln wrote.
  if (content[version_at] != format_version || content[version_at + 1] || content[version_at + 2] ||
      content[version_at + 3])
    return {State::other_version, "it has the format of another version"};
  if (!std::equal(key.begin(), key.end(), content.begin() + key_at))
    return {State::damaged, "it holds the entry of another key"};
  CacheEntry entry{State::good, {}};
  if (tuning) {
    entry.tuning = decode_record(content.subspan(payload_at));
    if (!entry.tuning)
      return {State::other_version, "it is no record of this version"};
    return entry;
  }
  entry.image = deserialise(content.subspan(payload_at), &entry.fault);
  if (!entry.image)
    entry.state = State::other_version;
  return entry;
}
