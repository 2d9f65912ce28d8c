// What the threads of kiln-stress share, and one of them.
#pragma once

#include "kernels.h"
#include "world.h"

#include "kiln/debug.h"
#include "kiln/device_memory.h"
#include "kiln/pack.h"
#include "kiln/stream.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace kiln_stress {

struct Settings {
  double seconds = 10;
  unsigned threads = 8, streams = 3; // streams of each thread
  std::uint64_t seed = 1;
  double patience = 60;                   // seconds without progress of a thread that count as a deadlock
  bool alone = false;                     // nobody else uses the device: its memory is compared as well
  std::vector<std::string> only, without; // operations are done that have one of these in their name, and none of those
  kiln::Device device;
  std::string arch;  // to compile for
  std::string place; // a directory of this run
};

/// A result that is wrong, or an exception where none was due, or none where one was.
struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A pack of kernels in `place`, and what it was made of.
struct Packed {
  std::string path, bytes;
  std::vector<Config> configs;
  std::vector<kiln::runtime::PackContent> contents;
};

/// What all threads work on.
class Stress {
public:
  Stress(const Settings &settings, World world);

  const Settings settings;
  const World world;
  const bool cuda, emulated;
  bool assembles = false; // something here turns PTX into machine code
  Packed packed;

  std::shared_ptr<const Kernels> kernels();
  void renew_kernels();
  /// One pack for all, opened anew now and then.
  std::shared_ptr<const kiln::Pack> pack();
  void renew_pack();
  /// Throws Wrong unless `text` is what every call with this name was given.
  void expect_same(const std::string &name, const std::string &text);

  std::atomic<bool> over{false};
  std::atomic<unsigned> processes{0}; // that were started for a fault, at most one at a time

private:
  std::mutex mutex_;
  std::shared_ptr<const Kernels> kernels_;
  std::shared_ptr<const kiln::Pack> pack_;
  std::map<std::string, std::size_t> texts_; // digests
};

class Worker;

/// Something that threads do.
struct Operation {
  const char *name;
  unsigned weight; // how often, of the sum of all
  void (Worker::*run)();
  bool (*possible)(const Stress &) = [](const Stress &) { return true; };
};
const std::vector<Operation> &operations();

/// A thread with streams of its own, and buffers in each.
class Worker {
public:
  Worker(Stress &stress, unsigned index);

  /// Does things until it is over. What goes wrong comes out as an exception.
  void run();

  // For who watches.
  std::atomic<const char *> doing{"starting"};
  std::atomic<std::uint64_t> done{0};
  std::vector<std::atomic<std::uint64_t>> counts; // of each operation

  // Right results.
  void launch_known();
  void launch_new();
  void launch_watched();
  void launch_on_all_streams();
  void launch_chain();
  void launch_guarded();
  void private_kernel();
  void renew_kernels() { stress_.renew_kernels(); }
  void renew_buffers();
  void switch_line_info();
  void switch_checks();
  void compile_for_gpu();
  void look_at_ir();
  void capture_graph();
  void launch_packed();
  void read_pack();
  void renew_pack() { stress_.renew_pack(); }

  // Damage, after which results are right as before.
  void damage_cache();
  void clear_cache();
  void bar_cache();

  // What must fail, in one way each.
  void fail_trace();
  void fail_at_random();
  void fail_compile();
  void fail_compile_in_capture();
  void fail_launch();
  void fail_allocation();
  void fail_assert();
  void fail_pack();
  void fail_in_process();

private:
  struct Lane {
    std::unique_ptr<kiln::Stream> stream; // null where the device has none
    kiln::DeviceBuffer in, out, sums;
    std::vector<std::unique_ptr<kiln::debug::Buffer>> known; // to check mode
    std::vector<std::int32_t> host;

    void *handle() const { return stream ? stream->handle() : nullptr; }
    void wait() const {
      if (stream)
        stream->synchronize();
    }
  };
  /// What a launch is to leave in a buffer that was poisoned.
  struct Expected {
    const kiln::DeviceBuffer *buffer;
    std::size_t offset; // elements that stay as they are, in front
    std::vector<std::int32_t> values;
    std::string what;
  };
  enum class Which { mix, row_sum, guarded };

  std::size_t pick(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_); }
  bool one_in(std::size_t n) { return pick(n) == 0; }
  Config any_config();
  Config known_config();
  Lane &any_lane() { return lanes_[pick(lanes_.size())]; }
  void fill_lane(Lane &lane);

  void poison(Lane &lane, kiln::DeviceBuffer &buffer);
  /// Enqueues a launch on some part of the lane's input.
  Expected enqueue(const Elementwise &kernel, Which which, const Config &config, Lane &lane);
  void check(const Expected &expected);
  void launch_and_check(const Elementwise &kernel, Which which, const Config &config);

  Stress &stress_;
  const std::size_t elements_;
  std::mt19937_64 random_;
  std::vector<Lane> lanes_;
};

/// Runs `f`, which must throw an E with `part` in its message.
template <class E, class F>
void expect_error(const char *part, F &&f) {
  try {
    f();
  } catch (const E &error) {
    seen_exception(std::current_exception());
    if (std::string_view(error.what()).find(part) == std::string_view::npos)
      throw Wrong(std::string("the message lacks \"") + part + "\": " + error.what());
    return;
  } catch (const kiln::Error &error) {
    throw Wrong(std::string("an error of another type, or not: \"") + part + "\": " + error.what());
  }
  throw Wrong(std::string("no error, where one was due: \"") + part + "\"");
}

/// Damages, removes or replaces one entry of the cache in `directory`, under the eyes of those who use it.
void vandalise(const std::string &directory, std::mt19937_64 &random);
/// Lets others write to the directory for a moment, so that the cache refuses it.
void bar(const std::string &directory);

/// Runs this program again, and waits for it. \returns the exit status
int run_again(const std::vector<std::string> &arguments);
/// The same without waiting. \returns the process
int start_again(const std::vector<std::string> &arguments);

/// An assert that fails on a CUDA device, in all threads or in few as the seed decides, and what is left of the process
/// after it: its exit status.
int lose_context(const Settings &settings);

} // namespace kiln_stress
