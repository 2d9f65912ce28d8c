// Structures of the C API that begin with their size, from callers that may know fewer or more members.
#pragma once

#include "capi/status.h"

#include "kiln/version.h"

#include "lib/check.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace kiln::capi {

/// The size that a structure had in the first version of the C API (KILN_C_API_VERSION 1), the least that a caller can
/// have. Members are only ever added at the end, so it stays what it is.
template <class S>
inline constexpr std::size_t first_size = 0;
template <>
inline constexpr std::size_t first_size<kiln_vector_add_problem> = 56;
template <>
inline constexpr std::size_t first_size<kiln_vector_add_tensors> = 40;
template <>
inline constexpr std::size_t first_size<kiln_softmax_problem> = 72;
template <>
inline constexpr std::size_t first_size<kiln_softmax_tensors> = 32;
template <>
inline constexpr std::size_t first_size<kiln_rms_norm_problem> = 80;
template <>
inline constexpr std::size_t first_size<kiln_rms_norm_tensors> = 48;
template <>
inline constexpr std::size_t first_size<kiln_matmul_problem> = 120;
template <>
inline constexpr std::size_t first_size<kiln_matmul_tensors> = 40;
template <>
inline constexpr std::size_t first_size<kiln_kv_cache_store_problem> = 208;
template <>
inline constexpr std::size_t first_size<kiln_kv_cache_store_tensors> = 56;
template <>
inline constexpr std::size_t first_size<kiln_paged_attention_decode_problem> = 288;
template <>
inline constexpr std::size_t first_size<kiln_paged_attention_decode_tensors> = 96;
template <>
inline constexpr std::size_t first_size<kiln_launch_options> = 40;

/// No structure is as large as this in any version: what says so was not filled in.
inline constexpr std::size_t most_size = 4096;

/// Throws unless `structure` can be read as one of `known` bytes that says it has `size`: what the caller has behind
/// the known part must be 0.
[[gnu::cold, gnu::noinline]] inline void check_size(const void *structure, std::size_t size, std::size_t first,
                                                    std::size_t known, const char *name) {
  const kernels::Checker check(name);
  check.require(size >= first && size <= most_size, "size is ", size, "; set it to the size of the structure, ", known);
  if (size <= known)
    return;
  const auto *bytes = static_cast<const unsigned char *>(structure);
  check.require(std::all_of(bytes + known, bytes + size, [](unsigned char b) { return b == 0; }),
                "members are set that Kiln ", version(), " does not have; load the version that the caller is for");
}

/// What a structure says its size is. Read as bytes, as everything here: a caller's structure may be shorter than S.
inline std::size_t size_of_structure(const void *structure) {
  std::size_t size;
  std::memcpy(&size, structure, sizeof size);
  return size;
}

/// The structure behind a pointer that begins with its size. Members that the caller does not know are 0.
template <class S>
S read_sized(const S *structure, const char *name) {
  static_assert(first_size<S> > sizeof(std::size_t) && first_size<S> <= sizeof(S) && sizeof(S) <= most_size);
  check_not_null(structure, name, "the structure");
  const std::size_t size = size_of_structure(structure);
  if (size == sizeof(S)) [[likely]]
    return *structure;
  check_size(structure, size, first_size<S>, sizeof(S), name);
  S result{};
  std::memcpy(&result, structure, std::min(size, sizeof(S)));
  return result;
}

/// Puts the members that the caller knows where read_sized read them; the size stays the caller's.
template <class S>
void write_sized(S *structure, const S &value) {
  const std::size_t size = size_of_structure(structure);
  std::memcpy(structure, &value, std::min(size, sizeof(S)));
  std::memcpy(structure, &size, sizeof size);
}

} // namespace kiln::capi
