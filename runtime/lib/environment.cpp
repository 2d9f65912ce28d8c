// The one place of the runtime and the language that asks for environment variables; test/style/style.py sees to it.
#include "kiln/runtime/environment.h"

#include <cstdlib>

using namespace kiln;
using namespace kiln::runtime;

std::string runtime::environment(Variable variable) {
  const char *value = std::getenv(variable.name());
  return value ? value : "";
}

std::string runtime::unprivileged_environment(Variable variable) {
  const char *value = secure_getenv(variable.name());
  return value ? value : "";
}

bool runtime::environment_flag(Variable variable) noexcept {
  const char *value = std::getenv(variable.name());
  return value && *value && std::string_view(value) != "0";
}
