// What every function of the C API does: exceptions become a status and a message.
#pragma once

#include "kiln/c_api.h"
#include "kiln/error.h"

#include <cstddef>
#include <string>

namespace kiln::capi {

/// A workspace that is smaller than the problem needs. Never leaves the C API.
class WorkspaceTooSmall : public InvalidArgument {
public:
  using InvalidArgument::InvalidArgument;
};

/// The status of the exception being handled; keeps its message for kiln_last_error().
[[gnu::cold, gnu::noinline]] kiln_status status_of_exception() noexcept;

template <class F>
kiln_status guarded(F &&body) noexcept {
  try {
    body();
    return KILN_OK;
  } catch (...) {
    return status_of_exception();
  }
}

/// Throws InvalidArgument where an argument of a function is null.
template <class T>
T &not_null(T *value, const char *function, const char *argument) {
  if (!value) [[unlikely]]
    throw InvalidArgument(std::string(function) + ": " + argument + " is null");
  return *value;
}

/// Throws unless a structure can be read as this library knows it: `size` is what the caller says, and what lies behind
/// the known part must be 0.
void check_size(const void *structure, std::size_t size, std::size_t known, const char *name);

/// The structure behind a pointer that begins with its size.
template <class S>
S &sized(S *structure, const char *name) {
  not_null(structure, name, "the structure");
  if (structure->size != sizeof(S)) [[unlikely]]
    check_size(structure, structure->size, sizeof(S), name);
  return *structure;
}

} // namespace kiln::capi
