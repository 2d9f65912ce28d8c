// What Kiln does while a program runs, and how long it takes: compiles, launches and tuning, as they begin and end.
#pragma once

#include "kiln/export.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace kiln {

/// What happens. Each of these has an event when it begins and another when it ends, in the same thread.
enum class EventKind : std::uint8_t {
  /// A kernel is made ready for a target: traced, compiled or found on disk, and loaded. Launches that find it ready
  /// have none.
  compile,
  /// Of a compile: "trace", "lower" (to PTX, or all the way on targets without it), "assemble", "lookup" (in the cache
  /// on disk) or "load" (onto a GPU).
  stage,
  /// The call of a launch. On the CPU, in the interpreter and on emulated devices that is the whole launch; on a GPU
  /// it is what the host does, which is to enqueue it.
  launch,
  /// A call of tune().
  tune,
  /// Of tuning: "compile" or "measure" of one config; "measure again" of one that was close to the fastest.
  tune_step,
};

/// A set of kinds: EventKind::compile | EventKind::tune.
class EventKinds {
public:
  constexpr EventKinds(EventKind kind) : bits_(1U << static_cast<unsigned>(kind)) {}
  static constexpr EventKinds all() { return EventKinds(31U); }

  constexpr std::uint32_t bits() const { return bits_; }
  constexpr bool has(EventKind kind) const { return (bits_ & EventKinds(kind).bits_) != 0; }
  friend constexpr bool operator==(EventKinds, EventKinds) = default;

private:
  explicit constexpr EventKinds(std::uint32_t bits) : bits_(bits) {}
  friend constexpr EventKinds operator|(EventKinds a, EventKinds b);

  std::uint32_t bits_;
};
constexpr EventKinds operator|(EventKinds a, EventKinds b) { return EventKinds(a.bits_ | b.bits_); }
constexpr EventKinds operator|(EventKind a, EventKind b) { return EventKinds(a) | EventKinds(b); }

/// Texts are there during the call of the callback only.
struct Event {
  EventKind kind;
  bool begins = true;       ///< the other is the end
  std::uint64_t id = 0;     ///< the same in both, and in no other event of the process
  std::uint64_t parent = 0; ///< what this happens in: the compile of a stage, the tuning of a step; 0: nothing, or a
                            ///< launch that nobody listens to
  std::string_view kernel = {};
  std::string_view config = {}; ///< "{64, 4}"; of the end of tuning the fastest, empty where all failed
  std::string_view target =
      {};                      ///< "cpu", "interpreter", "sm_90a", "emulated:sm_90a"; of launches and tuning the device
  std::string_view step = {};  ///< of stages and steps of tuning: which
  double ms = 0;               ///< at the end: how long it took, in milliseconds
  std::string_view error = {}; ///< at the end: the message of the exception; empty where all went well
  bool kept = false;           ///< at the end: the code, or the result of tuning, was taken from the cache on disk
  bool generic = false;        ///< of compiles: of the variant for any arguments, beside the one that relies on facts
  std::array<unsigned, 3> grid{}; ///< of launches
  void *stream = nullptr;         ///< of launches: a CUstream
  std::size_t done = 0;           ///< of steps of tuning: how many configs are through the step
  std::size_t total = 0;          ///< of tuning and its steps: how many there are
  double us = 0;                  ///< at the end of measuring: the median time of a launch, in microseconds
};

using EventCallback = std::function<void(const Event &)>;

/// Calls `callback` for each event of these kinds from now on; returns a number to remove it by. It is called in the
/// thread in which the event happens, from several at once, and holds that thread up. It may compile and launch, which
/// makes events in turn, and add and remove callbacks. What it throws is logged as an error and goes no further.
///
/// Throws InvalidArgument for an empty callback.
///
/// Where there are no callbacks for launches, a launch costs one relaxed load more than it would without events.
KILN_API std::uint64_t add_event_callback(EventCallback callback, EventKinds kinds = EventKinds::all());

/// Afterwards the callback is not called any more, and runs in no other thread: what it uses may be destroyed. Waits
/// where it runs in another thread, but not for the calling thread's own calls of it. Does nothing for a number that
/// is not that of a callback.
KILN_API void remove_event_callback(std::uint64_t callback);

} // namespace kiln
