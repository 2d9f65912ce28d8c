#include "pack_format.h"

#include "byte_stream.h"

#include "kiln/error.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <tuple>

using namespace kiln;
using namespace kiln::runtime;

// An entry of the index: name, config and architecture as blocks; the number of parameters (32 bits) and two bytes for
// each, its element type and flags; the number of facts (32 bits), and for each parameter (16), size (8) and divisor
// (64 bits); whether it waits (8); the number of images (8), and for each its offset and size (64 bits) and checksum.
namespace {

constexpr std::array<std::uint8_t, 8> magic = {'K', 'I', 'L', 'N', 'P', 'A', 'K', '\n'};
constexpr std::uint32_t format_version = 1;
constexpr std::size_t version_at = magic.size();
constexpr std::size_t checksum_at = pack_header_bytes - sizeof(Checksum);
/// An entry with nothing in it, so that a count is checked before memory is asked for.
constexpr std::size_t least_entry_bytes = 3 * 8 + 4 + 4 + 1 + 1 + 32;
constexpr std::size_t max_parameters = 32764;

constexpr std::uint8_t pointer_flag = 1, read_only_flag = 2;

Checksum canonical(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  Checksum sum;
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), sum.begin());
  return sum;
}

Checksum checksum(std::span<const std::uint8_t> bytes) { return canonical(XXH3_128bits(bytes.data(), bytes.size())); }

Checksum checksum(std::span<const std::uint8_t> header, std::span<const std::uint8_t> index) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, header.data(), checksum_at);
  XXH3_128bits_update(&state, index.data(), index.size());
  return canonical(XXH3_128bits_digest(&state));
}

/// The number of "sm_90a", or -1 where it is no architecture; `specific` whether the letter is there.
int parse_arch(std::string_view arch, bool &specific) {
  specific = arch.ends_with('a');
  if (specific)
    arch.remove_suffix(1);
  if (!arch.starts_with("sm_"))
    return -1;
  arch.remove_prefix(3);
  int number = 0;
  const auto [end, error] = std::from_chars(arch.data(), arch.data() + arch.size(), number);
  return error == std::errc() && end == arch.data() + arch.size() && number >= 10 && number < 1000 ? number : -1;
}

/// Names and configs go into messages and tables.
bool printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

KernelParameter as_passed(const PackParameter &parameter) {
  if (parameter.pointer)
    return {ParameterKind::pointer, 8};
  if (parameter.type == DType::i1)
    return {ParameterKind::boolean, 1};
  return {is_float(parameter.type) ? ParameterKind::floating : ParameterKind::integer,
          static_cast<std::uint8_t>(size_of(parameter.type))};
}

/// What makes the image another kernel's, or an empty string.
std::string check_belongs(const KernelImage &image, const PackEntry &entry) {
  if (image.name != entry.name)
    return "it is the code of '" + image.name + "'";
  if (image.arch != entry.arch)
    return "it is code for " + image.arch;
  if (!std::ranges::equal(image.parameters, entry.parameters,
                          [](const auto &a, const auto &b) { return a == as_passed(b); }))
    return "it takes other parameters";
  return {};
}

auto order(const PackEntry &entry) { return std::tie(entry.name, entry.config, entry.arch); }

std::string described(const PackEntry &entry) {
  return "'" + entry.name + "' with {" + entry.config + "} for " + entry.arch;
}

void encode(ByteWriter &writer, const PackEntry &entry, std::span<const PackedImage> images) {
  writer.block(entry.name);
  writer.block(entry.config);
  writer.block(entry.arch);
  writer.number(static_cast<std::uint32_t>(entry.parameters.size()));
  for (const PackParameter &parameter : entry.parameters) {
    writer.number(static_cast<std::uint8_t>(parameter.type));
    writer.number(
        static_cast<std::uint8_t>((parameter.pointer ? pointer_flag : 0) | (parameter.read_only ? read_only_flag : 0)));
  }
  writer.number(static_cast<std::uint32_t>(entry.facts.size()));
  for (const Fact &fact : entry.facts) {
    writer.number(fact.param);
    writer.number(fact.bytes);
    writer.number(static_cast<std::uint64_t>(fact.divisor));
  }
  writer.number(static_cast<std::uint8_t>(entry.waits));
  writer.number(static_cast<std::uint8_t>(images.size()));
  for (const PackedImage &image : images) {
    writer.number(image.offset);
    writer.number(image.bytes);
    writer.raw(std::span<const std::uint8_t>(image.checksum));
  }
}

/// Reads an entry; its text is what is wrong with the bytes that `check_entry` cannot see.
std::string decode(ByteReader &reader, PackEntry &entry, std::vector<PackedImage> &images) {
  reader.block(entry.name);
  reader.block(entry.config);
  reader.block(entry.arch);
  const std::uint32_t parameters = reader.number<std::uint32_t>();
  if (parameters > reader.left() / 2) // before memory is asked for
    return "the index ends early";
  for (std::uint32_t i = 0; i < parameters; ++i) {
    const std::uint8_t type = reader.number<std::uint8_t>(), flags = reader.number<std::uint8_t>();
    if (type > static_cast<std::uint8_t>(DType::f64) || flags > (pointer_flag | read_only_flag))
      return "parameter " + std::to_string(i) + " has no type";
    entry.parameters.push_back({static_cast<DType>(type), (flags & pointer_flag) != 0, (flags & read_only_flag) != 0});
  }
  const std::uint32_t facts = reader.number<std::uint32_t>();
  if (facts > reader.left() / 11)
    return "the index ends early";
  for (std::uint32_t i = 0; i < facts; ++i) {
    Fact fact{};
    fact.param = reader.number<std::uint16_t>();
    fact.bytes = reader.number<std::uint8_t>();
    fact.divisor = static_cast<std::int64_t>(reader.number<std::uint64_t>());
    entry.facts.add(fact);
  }
  const std::uint8_t waits = reader.number<std::uint8_t>(), count = reader.number<std::uint8_t>();
  if (waits > 1)
    return "whether it waits is " + std::to_string(waits) + ", neither 0 nor 1";
  for (std::uint8_t i = 0; i < count; ++i) {
    PackedImage image;
    image.offset = reader.number<std::uint64_t>();
    image.bytes = reader.number<std::uint64_t>();
    reader.raw(std::span(image.checksum));
    images.push_back(image);
  }
  entry.waits = waits != 0;
  return reader.failed() ? "the index ends early" : "";
}

} // namespace

std::string PackParameter::text() const {
  const std::string type_name = name_of(type);
  return pointer ? (read_only ? "ptr<const " : "ptr<") + type_name + ">" : "scalar<" + type_name + ">";
}

std::string runtime::check_entry(const PackEntry &entry) {
  if (entry.name.empty() || !printable(entry.name))
    return "the kernel's name is empty or not printable";
  std::vector<std::pair<std::string_view, std::string_view>> members;
  if (!printable(entry.config) || !parse_config(entry.config, members))
    return "its config is not of the form NAME=VALUE NAME=VALUE";
  bool specific = false;
  if (parse_arch(entry.arch, specific) < 0)
    return "its architecture is none";
  if (entry.parameters.size() > max_parameters)
    return std::to_string(entry.parameters.size()) + " parameters are more than any target takes";
  for (std::size_t i = 0; i < entry.parameters.size(); ++i)
    if (entry.parameters[i].read_only && !entry.parameters[i].pointer)
      return "parameter " + std::to_string(i) + " is read-only and no pointer";
  for (const Fact &fact : entry.facts) {
    const std::string which = "a fact about parameter " + std::to_string(fact.param);
    if (fact.param >= entry.parameters.size())
      return which + ", of " + std::to_string(entry.parameters.size());
    const KernelParameter passed = as_passed(entry.parameters[fact.param]);
    if ((passed.kind != ParameterKind::pointer && passed.kind != ParameterKind::integer) || passed.bytes != fact.bytes)
      return which + " takes it for an integer of " + std::to_string(fact.bytes) + " bytes";
    if (fact.divisor < 1)
      return which + " has the divisor " + std::to_string(fact.divisor);
  }
  return {};
}

std::vector<std::uint8_t> runtime::encode_pack(std::span<const PackContent> contents) {
  std::vector<const PackContent *> sorted;
  for (const PackContent &content : contents) {
    auto refuse = [&](const std::string &why) {
      throw InvalidArgument("cannot pack " + described(content.entry) + ": " + why);
    };
    if (std::string fault = check_entry(content.entry); !fault.empty())
      refuse(fault);
    if (content.generic.has_value() == content.entry.facts.empty())
      refuse(content.generic ? "there is a generic variant, but no fact that decides" : "it lacks the generic variant");
    for (const KernelImage *image : {&content.specialised, content.generic ? &*content.generic : nullptr}) {
      if (!image)
        continue;
      if (std::string fault = check_image(*image); !fault.empty())
        refuse(fault);
      if (std::string fault = check_belongs(*image, content.entry); !fault.empty())
        refuse(fault);
    }
    sorted.push_back(&content);
  }
  std::ranges::sort(sorted, [](auto *a, auto *b) { return order(a->entry) < order(b->entry); });
  for (std::size_t i = 1; i < sorted.size(); ++i)
    if (order(sorted[i - 1]->entry) == order(sorted[i]->entry))
      throw InvalidArgument("cannot pack " + described(sorted[i]->entry) + " twice");

  // The sizes in the index do not depend on the offsets in it, so it is made twice.
  ByteWriter code;
  std::vector<std::vector<PackedImage>> images;
  std::uint64_t code_bytes = 0;
  for (const PackContent *content : sorted) {
    auto add = [&](const KernelImage &image) {
      const std::vector<std::uint8_t> bytes = serialise(image);
      images.back().push_back({code_bytes, bytes.size(), checksum(bytes)});
      code_bytes += bytes.size();
      code.raw(std::span(bytes));
    };
    images.emplace_back();
    add(content->specialised);
    if (content->generic)
      add(*content->generic);
  }
  auto make_index = [&] {
    ByteWriter index;
    for (std::size_t i = 0; i < sorted.size(); ++i)
      encode(index, sorted[i]->entry, images[i]);
    return index.take();
  };
  const std::uint64_t code_at = pack_header_bytes + make_index().size();
  for (auto &of_entry : images)
    for (PackedImage &image : of_entry)
      image.offset += code_at;
  const std::vector<std::uint8_t> index = make_index();

  ByteWriter writer;
  writer.raw(std::span<const std::uint8_t>(magic));
  writer.number(format_version);
  writer.number(KernelImage::abi_version);
  writer.number(code_at + code_bytes);
  writer.number(std::uint64_t{index.size()});
  writer.number(static_cast<std::uint32_t>(sorted.size()));
  std::vector<std::uint8_t> bytes = writer.take();
  bytes.resize(pack_header_bytes);
  const Checksum sum = checksum(bytes, index);
  std::ranges::copy(sum, bytes.begin() + checksum_at);
  bytes.insert(bytes.end(), index.begin(), index.end());
  const std::vector<std::uint8_t> all_code = code.take();
  bytes.insert(bytes.end(), all_code.begin(), all_code.end());
  return bytes;
}

std::string runtime::decode_header(std::span<const std::uint8_t> bytes, std::uint64_t file_bytes, PackHeader &header) {
  if (bytes.size() < magic.size() || !std::equal(magic.begin(), magic.end(), bytes.begin()))
    return "it is no pack of kernels";
  ByteReader reader(bytes.subspan(version_at));
  if (std::uint32_t version = reader.number<std::uint32_t>(); version != format_version && !reader.failed())
    return "it is a pack of format " + std::to_string(version) + ", and this library reads format " +
           std::to_string(format_version);
  if (bytes.size() < pack_header_bytes)
    return "it ends within its header, after " + std::to_string(bytes.size()) + " bytes";
  if (std::uint32_t version = reader.number<std::uint32_t>(); version != KernelImage::abi_version)
    return "its kernels have ABI " + std::to_string(version) + ", and this library knows " +
           std::to_string(KernelImage::abi_version);
  header.file_bytes = reader.number<std::uint64_t>();
  header.index_bytes = reader.number<std::uint64_t>();
  header.entries = reader.number<std::uint32_t>();
  std::array<std::uint8_t, checksum_at - 36> zeros{};
  reader.raw(std::span(zeros));
  reader.raw(std::span(header.checksum));
  if (header.file_bytes != file_bytes)
    return "it has " + std::to_string(file_bytes) + " bytes, and its header says " + std::to_string(header.file_bytes);
  if (header.index_bytes > file_bytes - pack_header_bytes || header.index_bytes > max_index_bytes)
    return "its index has " + std::to_string(header.index_bytes) + " bytes, more than can be";
  if (std::ranges::any_of(zeros, [](std::uint8_t byte) { return byte != 0; }))
    return "its header is damaged";
  return {};
}

std::string runtime::check_index(std::span<const std::uint8_t> header_bytes, std::span<const std::uint8_t> index_bytes,
                                 const PackHeader &header) {
  return checksum(header_bytes, index_bytes) == header.checksum ? "" : "the checksum of its index does not match";
}

std::string runtime::decode_index(std::span<const std::uint8_t> bytes, const PackHeader &header, PackIndex &index) {
  if (header.entries > bytes.size() / least_entry_bytes)
    return "the index ends early";
  ByteReader reader(bytes);
  for (std::uint32_t i = 0; i < header.entries; ++i) {
    PackEntry entry;
    std::vector<PackedImage> images;
    std::string fault = decode(reader, entry, images);
    if (fault.empty())
      fault = check_entry(entry);
    if (fault.empty() && images.size() != (entry.facts.empty() ? 1u : 2u))
      fault = std::to_string(images.size()) + " images do not go with " + std::to_string(entry.facts.size()) + " facts";
    for (const PackedImage &image : images)
      if (fault.empty() && (image.offset < pack_header_bytes + header.index_bytes || image.bytes > max_image_bytes ||
                            image.offset > header.file_bytes || image.bytes > header.file_bytes - image.offset))
        fault = "its code lies outside the file";
    if (fault.empty() && !index.entries.empty() && !(order(index.entries.back()) < order(entry)))
      fault = "it is out of order";
    if (!fault.empty())
      return "entry " + std::to_string(i) + " of its index: " + fault;
    index.entries.push_back(std::move(entry));
    index.images.push_back(std::move(images));
  }
  return reader.left() ? std::to_string(reader.left()) + " bytes follow the entries of its index" : "";
}

std::string runtime::decode_image(std::span<const std::uint8_t> bytes, const PackedImage &where, const PackEntry &entry,
                                  KernelImage &image) {
  if (bytes.size() != where.bytes || checksum(bytes) != where.checksum)
    return "its checksum does not match";
  std::string fault;
  std::optional<KernelImage> decoded = deserialise(bytes, &fault);
  if (!decoded)
    return fault;
  image = std::move(*decoded);
  return check_belongs(image, entry);
}

bool runtime::parse_config(std::string_view text, std::vector<std::pair<std::string_view, std::string_view>> &members) {
  constexpr std::string_view separators = " ,";
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
    if (text.empty())
      return true;
    const std::string_view member = text.substr(0, text.find_first_of(separators));
    text.remove_prefix(member.size());
    const std::size_t equals = member.find('=');
    if (equals == 0 || equals == member.npos || equals + 1 == member.size())
      return false;
    const std::string_view name = member.substr(0, equals);
    std::string_view value = member.substr(equals + 1);
    if (std::ranges::any_of(members, [&](const auto &other) { return other.first == name; }))
      return false;
    // Booleans are written as numbers.
    value = value == "true" ? "1" : value == "false" ? "0" : value;
    members.emplace_back(name, value);
  }
}

int runtime::arch_fits(std::string_view arch, int major, int minor) {
  bool specific = false;
  const int number = parse_arch(arch, specific);
  if (number < 0 || number / 10 != major || number % 10 > minor || (specific && number % 10 != minor))
    return 0;
  return 2 * (1 + number % 10) + specific;
}
