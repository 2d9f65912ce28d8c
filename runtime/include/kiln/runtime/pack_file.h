// What a pack of compiled kernels holds, and how one is written. Programs that launch from a pack include kiln/pack.h.
#pragma once

#include "kiln/element_type.h"
#include "kiln/export.h"
#include "kiln/runtime/facts.h"
#include "kiln/runtime/kernel_image.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kiln::runtime {

/// A parameter of a packed kernel, with its type in C++.
struct PackParameter {
  DType type = DType::f32; ///< of a pointer, what it points at
  bool pointer = false;
  bool read_only = false; ///< a pointer to const

  /// "ptr<const f16>", "scalar<i32>"
  KILN_API std::string text() const;
  friend bool operator==(const PackParameter &, const PackParameter &) = default;
};

/// A kernel of a pack: for one config and one architecture.
struct PackEntry {
  std::string name;                      ///< "softmax_f16"
  std::string config;                    ///< "block=1024 chunked=0 num_warps=4": every member, in order
  std::string arch;                      ///< "sm_90a"
  std::vector<PackParameter> parameters; ///< in order
  Facts facts;                           ///< what the specialised variant relies on
  bool waits = false;                    ///< for the launches before it: it may be launched as one that overlaps

  friend bool operator==(const PackEntry &, const PackEntry &) = default;
};

/// A kernel and its code.
struct PackContent {
  PackEntry entry;
  KernelImage specialised;
  std::optional<KernelImage> generic; ///< for launches of which the facts do not hold; there unless there are no facts
};

/// What makes the entry one that no pack can hold, in words, or an empty string.
KILN_API std::string check_entry(const PackEntry &entry);

/// The bytes of a pack. Kernels are in the order of name, config and architecture, whatever order they are given in:
/// equal contents are equal bytes.
/// \throws InvalidArgument where an entry or an image is not well-formed, the two do not belong together, or there are
/// two of one name, config and architecture.
KILN_API std::vector<std::uint8_t> encode_pack(std::span<const PackContent> contents);

/// Writes a pack: under another name first, so that `path` is what it was or the whole pack, whatever happens.
/// Follows symbolic links, and keeps the mode of a file that was there; anything but a file is refused.
/// \throws InvalidArgument as above, PackError where the file cannot be written.
KILN_API void write_pack(const std::string &path, std::span<const PackContent> contents);

} // namespace kiln::runtime
