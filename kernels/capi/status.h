// What every function of the C API does: exceptions become a status and a message.
#pragma once

#include "kiln/c_api.h"
#include "kiln/error.h"

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
inline void check_not_null(const void *value, const char *function, const char *argument) {
  if (!value) [[unlikely]]
    throw InvalidArgument(std::string(function) + ": " + argument + " is null");
}

template <class T>
T &not_null(T *value, const char *function, const char *argument) {
  check_not_null(value, function, argument);
  return *value;
}

} // namespace kiln::capi
