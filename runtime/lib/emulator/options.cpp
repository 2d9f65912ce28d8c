// How emulated devices run: what the program says, else what the environment says.
#include "options.h"

#include "kiln/error.h"
#include "kiln/runtime/environment.h"

#include <charconv>
#include <mutex>
#include <optional>
#include <string_view>

using namespace kiln;
using namespace kiln::runtime;

namespace {

struct Settings {
  std::mutex mutex;
  std::optional<EmulatorOptions> options; // none until they are set or asked for
};

Settings &settings() {
  static Settings *const instance = new Settings; // never destroyed, for launches after static destructors have begun
  return *instance;
}

} // namespace

EmulatorOptions emulator::options_from_seed(const char *seed) {
  EmulatorOptions options;
  if (!seed || !*seed)
    return options;
  const std::string_view text = seed;
  const char *const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, options.seed);
  if (error != std::errc() || read != end)
    throw InvalidArgument("error: KILN_EMULATOR_SEED is '" + std::string(text) + "', not a number from 0 to 2^64 - 1");
  return options;
}

void kiln::set_emulator_options(const EmulatorOptions &options) {
  std::lock_guard lock(settings().mutex);
  settings().options = options;
}

EmulatorOptions kiln::emulator_options() {
  std::lock_guard lock(settings().mutex);
  if (!settings().options)
    settings().options = emulator::options_from_seed(environment("KILN_EMULATOR_SEED").c_str());
  return *settings().options;
}
