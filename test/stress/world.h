// What kiln-stress runs in: Kiln as it is, or Kiln with a compiler and a CUDA driver that only pretend (stand_in.cpp).
#pragma once

#include <exception>
#include <optional>

namespace kiln_stress {

struct World {
  bool pretends =
      false; // a captured graph holds nothing, no fault loses a context, and there is nothing for an emulator
};

/// Called with each exception that was expected. Several threads may have waited for it, and the last of them destroys
/// it, which a sanitizer cannot follow: libstdc++ counts them. So where one watches it is kept.
void seen_exception(std::exception_ptr exception);

/// Called before anything of Kiln.
World prepare_world();

/// Bytes that are taken of the current context's device, by whomever; nothing where that is unknown.
std::optional<long long> used_device_memory();

/// Modules that are loaded, where that is known.
std::optional<long long> loaded_modules();

} // namespace kiln_stress
