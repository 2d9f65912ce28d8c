// What a user writes in one line: names of devices, configs of packs, and the values of environment variables.
#include "emulator/options.h"
#include "fuzzer.h"
#include "pack_format.h"
#include "worker_pool.h"

#include "kiln/device.h"
#include "kiln/error.h"
#include "kiln/runtime/disk_cache.h"

#include <cstdio>
#include <iterator>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::fuzz;

namespace {

/// Anything may be refused, but in one way.
template <class F>
void may_refuse(F &&f) {
  try {
    f();
  } catch (const InvalidArgument &error) {
    expect(error.what()[0] != '\0', "a refusal has words");
  }
}

/// An environment variable. setenv() keeps every value that it has ever been given, which libFuzzer takes for a leak
/// and looks into; so its text is in memory that stays.
class Variable {
public:
  explicit Variable(const char *name) : name_(name) {}

  /// Up to the first zero byte, and to a size that no limit is near.
  void set(const std::string &value) {
    std::snprintf(text_, sizeof(text_), "%s=%s", name_, value.c_str());
    putenv(text_);
  }

private:
  const char *name_;
  char text_[8192] = "";
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::vector<std::string> lines = lines_of({data, size});
  const auto line = [&](std::size_t i) { return i < lines.size() ? lines[i] : std::string(); };
  const std::string text = line(0);

  if (!text.starts_with("cuda")) // which looks for a driver
    may_refuse([&] { expect(Device::parse(text).name() == text, "a device has one name"); });
  std::vector<std::pair<std::string_view, std::string_view>> members;
  if (parse_config(text, members))
    for (const auto &[name, value] : members)
      expect(!name.empty() && !value.empty(), "a member has a name and a value");
  expect(arch_fits(text, 9, 0) <= arch_fits("sm_90a", 9, 0), "nothing is nearer than a device's own");
  may_refuse([&] { (void)emulator::options_from_seed(text.c_str()); });
  may_refuse([&] {
    const unsigned threads = parse_thread_count(text.c_str());
    expect(threads >= 1 && threads <= 1024, "a count of threads is in its range");
  });

  static Variable variables[] = {Variable("KILN_CACHE_SIZE"), Variable("KILN_CACHE"), Variable("KILN_CACHE_DIR"),
                                 Variable("XDG_CACHE_HOME"), Variable("HOME")};
  for (std::size_t i = 0; i < std::size(variables); ++i)
    variables[i].set(line(i));
  const CacheSettings settings = CacheSettings::from_environment();
  expect(!settings.off.empty() || !settings.directory.empty(), "there is a place or a reason");
  return 0;
}
