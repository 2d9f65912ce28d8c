#pragma once

#include "kiln/export.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// A compiled GPU kernel as a value: what the compiler hands over, what the disk cache keeps, and all that this library
/// needs to load and launch it.
namespace kiln::runtime {

enum class ParameterKind : std::uint8_t { pointer, integer, floating, boolean };

/// A parameter of a compiled kernel, as `cuLaunchKernel` wants it.
struct KernelParameter {
  ParameterKind kind = ParameterKind::pointer;
  /// Of the value: 8 for a pointer, 1 for a boolean, 1, 2, 4 or 8 for numbers.
  std::uint8_t bytes = 8;

  friend bool operator==(const KernelParameter &, const KernelParameter &) = default;
};

struct KernelImage {
  /// The contract between the generated code and whoever launches it: how parameters are passed (each at its own size
  /// and alignment, in order), that the block is one-dimensional with `threads` threads and the grid the caller's, that
  /// all shared memory is dynamic. It changes when one of these does; an image of another version is not launched.
  static constexpr std::uint32_t abi_version = 1;

  std::string name;                        ///< of the entry point in the cubin
  std::string config;                      ///< "{.block_n = 64, .num_warps = 4}", for people
  std::string arch;                        ///< "sm_90a"
  std::uint32_t num_warps = 1;             ///< of a program, as the kernel's author counts them
  std::uint32_t threads = 32;              ///< of a program: the block size, 1 to 1024
  std::uint32_t shared_bytes = 0;          ///< dynamic shared memory of a program
  std::vector<KernelParameter> parameters; ///< in order
  std::string report;                      ///< the resource report, text that this library does not interpret
  std::string ptx;                         ///< may be empty
  std::vector<std::uint8_t> cubin;         ///< never empty

  friend bool operator==(const KernelImage &, const KernelImage &) = default;
};

/// What makes the image impossible to launch, in words ("threads is 0, ..."), or an empty string.
KILN_API std::string check_image(const KernelImage &image);

/// The image as bytes that `deserialise` of the same ABI version reads.
/// \throws InvalidArgument when `check_image` finds fault with it.
KILN_API std::vector<std::uint8_t> serialise(const KernelImage &image);

/// The image that `bytes` hold, or nothing where they are not exactly one well-formed image of this ABI version; then
/// `reason`, where given, is set to what is wrong. Any bytes are safe to pass. Changed bytes can yield another image:
/// who stores images adds a checksum.
KILN_API std::optional<KernelImage> deserialise(std::span<const std::uint8_t> bytes, std::string *reason = nullptr);

} // namespace kiln::runtime
