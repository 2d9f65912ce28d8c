#include "stress.h"

#include "kiln/debug.h"
#include "kiln/events.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/disk_cache.h"

#include <algorithm>
#include <fstream>
#include <thread>

using namespace kiln;
using namespace kiln_stress;

namespace {

constexpr unsigned char poison_byte = 0xA5;
constexpr auto poison_value = static_cast<std::int32_t>(0xA5A5A5A5u);
constexpr std::size_t rows = 16;

std::size_t elements_for(Device device) { return device.kind() == Device::Kind::emulated ? 2048 : 16384; }

} // namespace

// ---- what threads share --------------------------------------------------------------------------------------------

Stress::Stress(const Settings &given, World there)
    : settings(given), world(there), cuda(given.device.kind() == Device::Kind::cuda),
      emulated(given.device.kind() == Device::Kind::emulated), kernels_(std::make_shared<Kernels>()) {
  assembles = !runtime::assembler_identity().empty();
  if (!assembles)
    return;
  packed.path = settings.place + "/kernels.kpack";
  packed.configs = {{.block = 128, .salt = 5}, {.block = 256, .salt = 6, .num_warps = 8}, {.salt = 7, .num_warps = 1}};
  for (const Config &config : packed.configs) {
    packed.contents.push_back(kernels()->mix.pack(config, Target::parse(settings.arch)));
    packed.contents.back().entry.config = text_of(config);
  }
  runtime::write_pack(packed.path, packed.contents);
  std::ifstream file(packed.path, std::ios::binary);
  packed.bytes.assign(std::istreambuf_iterator<char>(file), {});
  pack_ = std::make_shared<Pack>(packed.path);
}

std::shared_ptr<const Kernels> Stress::kernels() {
  std::lock_guard lock(mutex_);
  return kernels_;
}

void Stress::renew_kernels() {
  auto fresh = std::make_shared<const Kernels>();
  std::lock_guard lock(mutex_);
  kernels_.swap(fresh);
} // the old ones go where nobody waits for the mutex, for `fresh` outlives the lock

std::shared_ptr<const Pack> Stress::pack() {
  std::lock_guard lock(mutex_);
  return pack_;
}

void Stress::renew_pack() {
  auto fresh = std::make_shared<const Pack>(packed.path);
  std::lock_guard lock(mutex_);
  pack_.swap(fresh);
}

void Stress::expect_same(const std::string &name, const std::string &text) {
  const std::size_t digest = std::hash<std::string>()(text);
  std::lock_guard lock(mutex_);
  if (texts_.try_emplace(name, digest).first->second != digest)
    throw Wrong(name + " is not what it was before:\n" + text);
}

// ---- one thread ----------------------------------------------------------------------------------------------------

Worker::Worker(Stress &stress, unsigned index)
    : counts(operations().size()), stress_(stress), elements_(elements_for(stress.settings.device)),
      random_(stress.settings.seed * 1000 + index), lanes_(stress.settings.streams) {}

void Worker::run() {
  for (Lane &lane : lanes_) {
    if (stress_.cuda)
      lane.stream = std::make_unique<Stream>(stress_.settings.device);
    fill_lane(lane);
  }
  const Settings &settings = stress_.settings;
  const auto wanted = [&](const Operation &operation) {
    const auto named = [&](const std::string &text) {
      return std::string_view(operation.name).find(text) != std::string_view::npos;
    };
    return operation.possible(stress_) && (settings.only.empty() || std::ranges::any_of(settings.only, named)) &&
           std::ranges::none_of(settings.without, named);
  };
  std::vector<double> weights;
  for (const Operation &operation : operations())
    weights.push_back(wanted(operation) ? operation.weight : 0);
  if (std::ranges::count(weights, 0) == std::ssize(weights))
    throw Wrong("there is nothing to do by these names");
  std::discrete_distribution<std::size_t> choose(weights.begin(), weights.end());
  while (!stress_.over.load(std::memory_order_relaxed)) {
    const std::size_t choice = choose(random_);
    const Operation &operation = operations()[choice];
    doing.store(operation.name, std::memory_order_relaxed);
    try {
      (this->*operation.run)();
    } catch (const Wrong &wrong) {
      throw Wrong(std::string(operation.name) + ": " + wrong.what());
    } catch (const std::exception &error) {
      throw Wrong(std::string(operation.name) + ": an exception that was not due: " + error.what());
    }
    counts[choice].fetch_add(1, std::memory_order_relaxed);
    done.fetch_add(1, std::memory_order_relaxed);
  }
  doing.store("ending", std::memory_order_relaxed);
  lanes_.clear();
  doing.store(nullptr, std::memory_order_relaxed);
}

void Worker::fill_lane(Lane &lane) {
  const Device device = stress_.settings.device;
  lane.wait();
  lane.known.clear();
  lane.host.resize(elements_);
  for (std::int32_t &x : lane.host)
    x = static_cast<std::int32_t>(pick(1000));
  lane.in = DeviceBuffer(device, elements_ * sizeof(std::int32_t));
  lane.out = DeviceBuffer(device, elements_ * sizeof(std::int32_t));
  lane.sums = DeviceBuffer(device, rows * sizeof(std::int32_t));
  lane.in.copy_from_host(lane.host.data(), lane.in.bytes());
  if (device.kind() == Device::Kind::cpu)
    for (const DeviceBuffer *buffer : {&lane.in, &lane.out, &lane.sums})
      lane.known.push_back(std::make_unique<debug::Buffer>(buffer->data(), buffer->bytes(), "buffer of a lane"));
}

Config Worker::any_config() {
  return {.block = 64 << pick(4), .salt = static_cast<int>(pick(salts)), .num_warps = 1 << pick(4)};
}

Config Worker::known_config() {
  const std::size_t i = pick(6);
  return {.block = 128 << i % 2, .salt = static_cast<int>(i), .num_warps = 4};
}

void Worker::poison(Lane &lane, DeviceBuffer &buffer) { buffer.enqueue_fill(poison_byte, lane.handle()); }

Worker::Expected Worker::enqueue(const Elementwise &kernel, Which which, const Config &config, Lane &lane) {
  const Device device = stress_.settings.device;
  const LaunchOptions options{.device = device, .stream = lane.handle()};
  if (which == Which::row_sum) {
    // A row has at most as many elements as the smallest block.
    const std::size_t cols = 1 + pick(64);
    LaunchOptions all = options;
    all.grid = rows;
    poison(lane, lane.sums);
    kernel.launch(all, config, lane.in.as<const std::int32_t>(), lane.sums.as<std::int32_t>(),
                  static_cast<std::int32_t>(cols));
    return {&lane.sums, 0, row_sums(std::span(lane.host).first(rows * cols), cols, config),
            "row_sum with " + text_of(config)};
  }
  // Often a size and addresses of which the declared facts hold.
  std::size_t n = 1 + pick(elements_ - 8), offset = 0;
  if (one_in(2))
    n = (n + 3) / 4 * 4;
  if (one_in(3))
    offset = 1 + pick(7);
  LaunchOptions all = options;
  all.grid = (n + static_cast<std::size_t>(config.block) - 1) / static_cast<std::size_t>(config.block);
  poison(lane, lane.out);
  kernel.launch(all, config, lane.in.as<const std::int32_t>() + offset, lane.out.as<std::int32_t>() + offset,
                static_cast<std::int32_t>(n));
  return {&lane.out, offset, mixed(std::span(lane.host).subspan(offset, n), config),
          kernel.name() + " with " + text_of(config)};
}

void Worker::check(const Expected &expected) {
  std::vector<std::int32_t> got(expected.buffer->bytes() / sizeof(std::int32_t));
  expected.buffer->copy_to_host(got.data(), expected.buffer->bytes());
  for (std::size_t i = 0; i < got.size(); ++i) {
    const bool written = i >= expected.offset && i - expected.offset < expected.values.size();
    const std::int32_t wanted = written ? expected.values[i - expected.offset] : poison_value;
    if (got[i] != wanted)
      throw Wrong(expected.what + ": element " + std::to_string(i) + " is " + std::to_string(got[i]) + ", not " +
                  std::to_string(wanted) + "; written are " + std::to_string(expected.values.size()) + " from " +
                  std::to_string(expected.offset));
  }
}

void Worker::launch_and_check(const Elementwise &kernel, Which which, const Config &config) {
  Lane &lane = any_lane();
  const Expected expected = enqueue(kernel, which, config, lane);
  lane.wait();
  check(expected);
}

// ---- right results -------------------------------------------------------------------------------------------------

void Worker::launch_known() {
  const auto kernels = stress_.kernels();
  if (one_in(3))
    launch_and_check(kernels->row_sum, Which::row_sum, known_config());
  else
    launch_and_check(kernels->mix, Which::mix, known_config());
}

void Worker::launch_watched() {
  const auto self = std::this_thread::get_id();
  std::vector<std::uint64_t> open; // events of this thread that have begun
  std::string wrong;
  int launches = 0;
  struct Callback {
    const std::uint64_t number;
    ~Callback() { remove_event_callback(number); }
  };
  {
    const Callback callback{add_event_callback([&](const Event &event) {
      if (std::this_thread::get_id() != self)
        return;
      if (event.begins) {
        if (event.parent != (open.empty() ? 0 : open.back()))
          wrong = "is in another one than " + std::to_string(event.parent);
        open.push_back(event.id);
        launches += event.kind == EventKind::launch;
      } else if (open.empty() || open.back() != event.id || !(event.ms > 0) || !event.error.empty()) {
        wrong = "ends otherwise: " + std::string(event.error);
      } else {
        open.pop_back();
      }
    })};
    launch_known();
  }
  if (!wrong.empty() || !open.empty() || launches != 1)
    throw Wrong("an event " + wrong + "; launches " + std::to_string(launches));
}

void Worker::launch_new() {
  const auto kernels = stress_.kernels();
  if (one_in(3))
    launch_and_check(kernels->row_sum, Which::row_sum, any_config());
  else
    launch_and_check(kernels->mix, Which::mix, any_config());
}

void Worker::launch_on_all_streams() {
  const auto kernels = stress_.kernels();
  std::vector<Expected> expected;
  for (Lane &lane : lanes_)
    expected.push_back(enqueue(kernels->mix, Which::mix, known_config(), lane));
  for (Lane &lane : lanes_)
    expected.push_back(enqueue(kernels->row_sum, Which::row_sum, known_config(), lane));
  for (Lane &lane : lanes_)
    lane.wait();
  for (const Expected &one : expected)
    check(one);
}

void Worker::launch_chain() {
  const auto kernels = stress_.kernels();
  Lane &lane = any_lane();
  const Config first = known_config(), second = known_config();
  const std::size_t cols = 64, n = rows * cols;
  poison(lane, lane.out);
  poison(lane, lane.sums);
  LaunchOptions options{.device = stress_.settings.device, .stream = lane.handle()};
  options.grid = n / static_cast<std::size_t>(first.block);
  kernels->mix.launch(options, first, lane.in.as<const std::int32_t>(), lane.out.as<std::int32_t>(), n);
  options.grid = rows;
  kernels->row_sum.launch(options, second, lane.out.as<const std::int32_t>(), lane.sums.as<std::int32_t>(), cols);
  lane.wait();
  const std::vector<std::int32_t> between = mixed(std::span(lane.host).first(n), first);
  check({&lane.sums, 0, row_sums(between, cols, second), "mix, then row_sum"});
}

void Worker::launch_guarded() {
  const auto kernels = stress_.kernels();
  launch_and_check(kernels->guarded, Which::guarded, known_config());
}

void Worker::private_kernel() {
  const Kernels mine;
  const Config config = any_config();
  if (one_in(2))
    mine.mix.compile(config, stress_.settings.device);
  launch_and_check(mine.mix, Which::mix, config);
}

void Worker::renew_buffers() { fill_lane(any_lane()); }

void Worker::switch_line_info() { debug::set_line_info(one_in(2)); }

void Worker::switch_checks() { debug::set_checks(one_in(2)); }

void Worker::compile_for_gpu() {
  const auto kernels = stress_.kernels();
  const Config config = one_in(4) ? any_config() : known_config();
  const CompiledCode code = kernels->mix.compile(config, Target::parse(stress_.settings.arch));
  if (stress_.assembles && code.cubin.empty())
    throw Wrong("no cubin");
}

void Worker::look_at_ir() {
  const auto kernels = stress_.kernels();
  const Config config = any_config();
  stress_.expect_same("the IR of row_sum with " + text_of(config), kernels->row_sum.trace(config));
  if (kernels->row_sum.emit(config, Target::parse(stress_.settings.arch), "tile").empty())
    throw Wrong("the stage is empty");
}

void Worker::capture_graph() {
  const auto kernels = stress_.kernels();
  Lane &lane = any_lane();
  // A config that nobody has used is compiled and loaded during the capture, which is not recorded.
  const Config config = one_in(2) ? known_config() : any_config();
  lane.out.fill(poison_byte);
  Graph graph;
  graph.begin(*lane.stream);
  const Expected expected = enqueue(kernels->mix, Which::mix, config, lane);
  graph.end();
  for (std::size_t i = 1 + pick(3); i > 0; --i)
    graph.launch(*lane.stream);
  lane.wait();
  check(expected);
}

void Worker::launch_packed() {
  const std::shared_ptr<const Pack> pack = one_in(4) ? std::make_shared<Pack>(stress_.packed.path) : stress_.pack();
  const Config &config = stress_.packed.configs[pick(stress_.packed.configs.size())];
  const PackedKernel kernel = pack->find("mix", text_of(config), stress_.settings.device);
  Lane &lane = any_lane();
  const std::size_t n = 1 + pick(elements_ - 8), offset = one_in(2) ? 1 : 0;
  poison(lane, lane.out);
  kernel.launch({.grid = (n + static_cast<std::size_t>(config.block) - 1) / static_cast<std::size_t>(config.block),
                 .stream = lane.handle()},
                lane.in.as<const std::int32_t>() + offset, lane.out.as<std::int32_t>() + offset,
                static_cast<std::int32_t>(n));
  lane.wait();
  check({&lane.out, offset, mixed(std::span(lane.host).subspan(offset, n), config), "mix of a pack"});
}

void Worker::read_pack() {
  const std::shared_ptr<const Pack> pack = one_in(2) ? std::make_shared<Pack>(stress_.packed.path) : stress_.pack();
  for (std::size_t i = 0; i < pack->entries().size(); ++i) {
    const auto images = pack->images(i);
    const auto content = std::ranges::find_if(
        stress_.packed.contents, [&](const auto &one) { return one.entry.config == pack->entries()[i].config; });
    if (content == stress_.packed.contents.end() || images.empty() || images[0].cubin != content->specialised.cubin)
      throw Wrong("a pack does not hold what was put into it");
  }
}
