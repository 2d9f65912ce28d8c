#include "kiln/runtime/kernel_image.h"

#include "byte_stream.h"

#include "kiln/error.h"

using namespace kiln;
using namespace kiln::runtime;

// The bytes, all numbers little-endian: magic, ABI version, the three counts, the number of parameters and two bytes
// for each of them; then name, config, arch, report, PTX and cubin, each after its length as 64 bits.
namespace {

constexpr std::uint32_t magic = 0x474d494b; // "KIMG"
// More than any target takes (sm_100: 228 KiB shared, 32764 bytes of parameters), so that sums of them cannot overflow.
constexpr std::uint32_t max_shared_bytes = 1u << 24;
constexpr std::size_t max_parameters = 32764;

bool valid(const KernelParameter &parameter) {
  switch (parameter.kind) {
  case ParameterKind::pointer:
    return parameter.bytes == 8;
  case ParameterKind::boolean:
    return parameter.bytes == 1;
  case ParameterKind::integer:
  case ParameterKind::floating:
    return parameter.bytes == 1 || parameter.bytes == 2 || parameter.bytes == 4 || parameter.bytes == 8;
  }
  return false;
}

} // namespace

std::string runtime::check_image(const KernelImage &image) {
  if (image.name.empty() || image.name.find('\0') != std::string::npos)
    return "the kernel's name is empty or holds a zero byte";
  if (image.arch.empty())
    return "the architecture is empty";
  if (image.threads < 1 || image.threads > 1024)
    return "threads is " + std::to_string(image.threads) + ", not from 1 to 1024";
  if (image.num_warps < 1 || image.num_warps > 32)
    return "num_warps is " + std::to_string(image.num_warps) + ", not from 1 to 32";
  if (image.shared_bytes > max_shared_bytes)
    return "shared_bytes is " + std::to_string(image.shared_bytes) + ", more than any target has";
  if (image.parameters.size() > max_parameters)
    return std::to_string(image.parameters.size()) + " parameters are more than any target takes";
  for (std::size_t i = 0; i < image.parameters.size(); ++i)
    if (!valid(image.parameters[i]))
      return "parameter " + std::to_string(i) + " has kind " +
             std::to_string(static_cast<unsigned>(image.parameters[i].kind)) + " and " +
             std::to_string(image.parameters[i].bytes) + " bytes";
  if (image.cubin.empty())
    return "the cubin is empty";
  return {};
}

std::vector<std::uint8_t> runtime::serialise(const KernelImage &image) {
  if (std::string fault = check_image(image); !fault.empty())
    throw InvalidArgument("cannot serialise a kernel image: " + fault);
  ByteWriter writer;
  writer.reserve(256 + 2 * image.parameters.size() + image.name.size() + image.config.size() + image.arch.size() +
                 image.report.size() + image.ptx.size() + image.cubin.size());
  writer.number(magic);
  writer.number(KernelImage::abi_version);
  writer.number(image.num_warps);
  writer.number(image.threads);
  writer.number(image.shared_bytes);
  writer.number(static_cast<std::uint32_t>(image.parameters.size()));
  for (const KernelParameter &parameter : image.parameters) {
    writer.number(static_cast<std::uint8_t>(parameter.kind));
    writer.number(parameter.bytes);
  }
  writer.block(image.name);
  writer.block(image.config);
  writer.block(image.arch);
  writer.block(image.report);
  writer.block(image.ptx);
  writer.block(image.cubin);
  return writer.take();
}

std::optional<KernelImage> runtime::deserialise(std::span<const std::uint8_t> bytes, std::string *reason) {
  auto refuse = [&](std::string why) -> std::optional<KernelImage> {
    if (reason)
      *reason = std::move(why);
    return std::nullopt;
  };
  ByteReader reader(bytes);
  if (reader.number<std::uint32_t>() != magic)
    return refuse("not a kernel image");
  if (std::uint32_t version = reader.number<std::uint32_t>(); version != KernelImage::abi_version)
    return refuse("kernel ABI " + std::to_string(version) + ", and this library knows " +
                  std::to_string(KernelImage::abi_version));
  KernelImage image;
  image.num_warps = reader.number<std::uint32_t>();
  image.threads = reader.number<std::uint32_t>();
  image.shared_bytes = reader.number<std::uint32_t>();
  std::uint32_t count = reader.number<std::uint32_t>();
  if (count > reader.left() / 2) // before memory is asked for
    return refuse("the image ends early");
  image.parameters.resize(count);
  for (KernelParameter &parameter : image.parameters) {
    parameter.kind = static_cast<ParameterKind>(reader.number<std::uint8_t>());
    parameter.bytes = reader.number<std::uint8_t>();
  }
  reader.block(image.name);
  reader.block(image.config);
  reader.block(image.arch);
  reader.block(image.report);
  reader.block(image.ptx);
  reader.block(image.cubin);
  if (reader.failed())
    return refuse("the image ends early");
  if (reader.left() != 0)
    return refuse(std::to_string(reader.left()) + " bytes follow the image");
  if (std::string fault = check_image(image); !fault.empty())
    return refuse(std::move(fault));
  return image;
}
