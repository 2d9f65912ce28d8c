#pragma once

#include "kiln/export.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace kiln::runtime {

/// Memory that a call has been told of.
struct CallBuffer {
  std::string name; ///< for messages
  const void *address = nullptr;
  std::size_t bytes = 0;
};

/// Makes memory known to the checks of this thread's launches for the life of a scope, where nothing is registered: of
/// what is partly registered, the rest. Ranges may overlap; those that do become one buffer with all their names. Other
/// threads do not see them, so calls that work on the same memory at the same time do not disturb each other. Of scopes
/// within each other the innermost counts.
class KILN_API CallBuffers {
public:
  struct State;

  explicit CallBuffers(std::span<const CallBuffer> buffers);
  ~CallBuffers();
  CallBuffers(const CallBuffers &) = delete;
  CallBuffers &operator=(const CallBuffers &) = delete;

private:
  std::unique_ptr<State> state_;
  State *outer_;
};

} // namespace kiln::runtime
