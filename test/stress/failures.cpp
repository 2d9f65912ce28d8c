// What goes wrong on purpose.
#include "stress.h"

#include "../unit/runtime/vandalise.h"

#include "kiln/debug.h"
#include "kiln/runtime/disk_cache.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace kiln;
using namespace kiln_stress;

namespace fs = std::filesystem;

const std::vector<Operation> &kiln_stress::operations() {
  static const auto on_gpu = [](const Stress &s) { return s.cuda; };
  static const auto on_emulator_or_gpu = [](const Stress &s) { return s.cuda || s.emulated; };
  static const auto with_assembler = [](const Stress &s) { return s.assembles; };
  static const auto packed_on_gpu = [](const Stress &s) { return s.assembles && s.cuda; };
  static const auto not_on_gpu = [](const Stress &s) { return !s.cuda; };
  static const auto on_real_gpu = [](const Stress &s) { return s.cuda && !s.world.pretends; };
  static const std::vector<Operation> all = {
      {"launch of a known config", 300, &Worker::launch_known},
      {"launch of any config", 60, &Worker::launch_new},
      {"launch with a callback for events, which goes again", 30, &Worker::launch_watched},
      {"launches on all streams", 60, &Worker::launch_on_all_streams},
      {"launch that reads what one before it wrote", 40, &Worker::launch_chain},
      {"launch with an assert that holds", 30, &Worker::launch_guarded},
      {"kernel of one thread, compiled, launched, unloaded", 25, &Worker::private_kernel},
      {"kernels of all threads replaced", 2, &Worker::renew_kernels},
      {"buffers replaced", 20, &Worker::renew_buffers},
      {"line information switched", 2, &Worker::switch_line_info},
      {"check mode switched", 4, &Worker::switch_checks},
      {"compile for a GPU, through the cache on disk", 40, &Worker::compile_for_gpu},
      {"IR", 10, &Worker::look_at_ir},
      {"graph captured and launched", 60, &Worker::capture_graph, on_gpu},
      {"launch from a pack", 60, &Worker::launch_packed, packed_on_gpu},
      {"pack read", 15, &Worker::read_pack, with_assembler},
      {"pack opened anew for all", 2, &Worker::renew_pack, with_assembler},
      {"entry of the cache damaged", 6, &Worker::damage_cache},
      {"cache cleared", 1, &Worker::clear_cache},
      {"cache made unusable for a moment", 2, &Worker::bar_cache},
      {"failed trace", 20, &Worker::fail_trace},
      {"trace that fails at random", 20, &Worker::fail_at_random},
      {"failed compile: too much shared memory", 2, &Worker::fail_compile, on_emulator_or_gpu},
      {"failed compile during a capture", 2, &Worker::fail_compile_in_capture, on_gpu},
      {"refused launch", 20, &Worker::fail_launch},
      {"refused allocation", 10, &Worker::fail_allocation},
      {"failed assert", 20, &Worker::fail_assert, not_on_gpu},
      {"damaged pack refused", 10, &Worker::fail_pack, with_assembler},
      {"process whose context is lost", 1, &Worker::fail_in_process, on_real_gpu},
  };
  return all;
}

// ---- the cache on disk ---------------------------------------------------------------------------------------------

void kiln_stress::vandalise(const std::string &directory, std::mt19937_64 &random) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (const fs::directory_entry &file : fs::directory_iterator(directory, error))
    if (file.path().extension() == ".kiln")
      entries.push_back(file.path());
  if (entries.empty())
    return;
  ::vandalise(entries[random() % entries.size()], entries[random() % entries.size()], 5000, random);
}

void kiln_stress::bar(const std::string &directory) {
  chmod(directory.c_str(), 0777);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  chmod(directory.c_str(), 0700);
}

void Worker::damage_cache() { vandalise(runtime::process_cache().settings().directory, random_); }
void Worker::clear_cache() { runtime::process_cache().clear(); }
void Worker::bar_cache() { bar(runtime::process_cache().settings().directory); }

// ---- errors --------------------------------------------------------------------------------------------------------

void Worker::fail_trace() {
  const auto kernels = stress_.kernels();
  Lane &lane = any_lane();
  expect_error<TraceError>("do not match", [&] {
    kernels->crooked.launch({.device = stress_.settings.device, .stream = lane.handle()}, known_config(),
                            lane.in.as<const std::int32_t>(), lane.out.as<std::int32_t>(), 64);
  });
}

// A failure reaches all threads that wait for the same config, and the next launch tries again.
void Worker::fail_at_random() {
  const auto kernels = stress_.kernels();
  try {
    launch_and_check(kernels->moody, Which::mix, known_config());
  } catch (const Refusal &) {
    seen_exception(std::current_exception());
  }
}

void Worker::fail_compile() {
  const auto kernels = stress_.kernels();
  expect_error<CompileError>("shared memory", [&] { kernels->large.compile(known_config(), stress_.settings.device); });
}

void Worker::fail_compile_in_capture() {
  const auto kernels = stress_.kernels();
  Lane &lane = any_lane();
  Graph graph;
  graph.begin(*lane.stream);
  expect_error<CompileError>("shared memory", [&] {
    kernels->large.launch({.device = stress_.settings.device, .stream = lane.handle()}, known_config(),
                          lane.in.as<const std::int32_t>(), lane.out.as<std::int32_t>(), 64);
  });
} // abandons the recording

void Worker::fail_launch() {
  const auto kernels = stress_.kernels();
  Lane &lane = any_lane();
  const auto launch = [&](const LaunchOptions &options) {
    kernels->mix.launch(options, known_config(), lane.in.as<const std::int32_t>(), lane.out.as<std::int32_t>(), 64);
  };
  const Device device = stress_.settings.device;
  switch (pick(3)) {
  case 0:
    expect_error<LaunchError>("the grid is (0, 1, 1)", [&] { launch({.grid = 0, .device = device}); });
    break;
  case 1:
    expect_error<LaunchError>("the grid is (1, 65536, 1)", [&] { launch({.grid = {1, 65536}, .device = device}); });
    break;
  default:
    expect_error<LaunchError>("the launch is programmatic",
                              [&] { launch({.device = device, .stream = lane.handle(), .programmatic = true}); });
  }
}

void Worker::fail_allocation() {
  expect_error<OutOfMemory>("cannot allocate", [&] { DeviceBuffer buffer(stress_.settings.device, 1ull << 50); });
}

void Worker::fail_assert() {
  const auto kernels = stress_.kernels();
  const Device device = stress_.settings.device;
  const std::size_t n = 1 + pick(elements_ / 2), where = pick(n);
  DeviceBuffer in(device, n * sizeof(std::int32_t)), out(device, n * sizeof(std::int32_t));
  in.fill(0);
  const std::int32_t negative = -1;
  in.copy_from_host(&negative, sizeof(negative), where * sizeof(std::int32_t));
  std::vector<std::unique_ptr<debug::Buffer>> known;
  if (device.kind() == Device::Kind::cpu)
    for (const DeviceBuffer *buffer : {&in, &out})
      known.push_back(std::make_unique<debug::Buffer>(buffer->data(), buffer->bytes(), "buffer of an assert"));
  const Config config = known_config();
  expect_error<TrapError>("negative input", [&] {
    kernels->guarded.launch(
        {.grid = (n + static_cast<std::size_t>(config.block) - 1) / static_cast<std::size_t>(config.block),
         .device = device},
        config, in.as<const std::int32_t>(), out.as<std::int32_t>(), static_cast<std::int32_t>(n));
  });
}

void Worker::fail_pack() {
  const std::string path = stress_.settings.place + "/damaged-" + std::to_string(random_()) + ".kpack";
  std::string bytes = stress_.packed.bytes;
  if (one_in(2))
    bytes.resize(pick(bytes.size()));
  else
    bytes[pick(bytes.size())] ^= static_cast<char>(1 << pick(8));
  std::ofstream(path, std::ios::binary) << bytes;
  expect_error<PackError>(path.c_str(), [&] {
    const Pack pack(path);
    for (std::size_t i = 0; i < pack.entries().size(); ++i)
      pack.images(i);
  });
  fs::remove(path);
}

// ---- other processes -----------------------------------------------------------------------------------------------

int kiln_stress::start_again(const std::vector<std::string> &arguments) {
  std::vector<std::string> words = arguments;
  std::vector<char *> pointers;
  for (std::string &word : words)
    pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  if (int error = posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, pointers.data(), environ); error != 0)
    throw Wrong("cannot start a process: " + std::string(std::strerror(error)));
  return child;
}

int kiln_stress::run_again(const std::vector<std::string> &arguments) {
  const int child = start_again(arguments);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Starting CUDA takes longer than most of what is done here: one process after the other, and no more than needed.
void Worker::fail_in_process() {
  static std::atomic<bool> running{false};
  if (stress_.processes.load() >= 20 || running.exchange(true))
    return;
  ++stress_.processes;
  const int status = run_again({"kiln-stress", "--lose-context", "--seed", std::to_string(stress_.processes.load())});
  running.store(false);
  if (status != 0)
    throw Wrong("the process whose context was to be lost ended with status " + std::to_string(status));
}

int kiln_stress::lose_context(const Settings &settings) {
  const Kernels kernels;
  const Config config;
  constexpr std::int32_t n = 1 << 20;
  std::vector<std::int32_t> host(n, 1);
  DeviceBuffer in(settings.device, n * sizeof(std::int32_t)), out(settings.device, n * sizeof(std::int32_t));
  Stream stream(settings.device);
  const auto launch = [&](const Elementwise &kernel) {
    kernel.launch({.grid = cdiv(n, config.block), .device = settings.device, .stream = stream.handle()}, config,
                  in.as<const std::int32_t>(), out.as<std::int32_t>(), n);
    stream.synchronize();
  };
  in.copy_from_host(host.data(), in.bytes());
  launch(kernels.guarded);
  // It fails in all threads at once, or in few of them at different times, and one says where. The driver prints a line
  // to stderr for each.
  if (!std::freopen("/dev/null", "w", stderr))
    return 1;
  for (std::size_t i = 0; i < host.size(); i += std::size_t(1) << settings.seed % 16)
    host[i] = -1;
  in.copy_from_host(host.data(), in.bytes());
  expect_error<ContextLost>("assertion failed: negative input, at element (", [&] { launch(kernels.guarded); });
  expect_error<ContextLost>("", [&] { launch(kernels.mix); });
  // The host goes on.
  std::vector<std::int32_t> result(n);
  kernels.mix.launch({.grid = cdiv(n, config.block), .device = Device::cpu()}, config, host.data(), result.data(), n);
  return result == mixed(host, config) ? 0 : 1;
}
