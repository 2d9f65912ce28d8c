// How events are made.
#pragma once

#include "kiln/events.h"
#include "kiln/export.h"

#include <atomic>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

namespace kiln::runtime {

/// The kinds that somebody listens to, a bit each. All of them until the environment was asked: then the first event
/// takes the slow path, which asks it.
extern KILN_API std::atomic<std::uint32_t> observed_kinds;

/// All that an event costs that nobody listens to.
inline bool observed(EventKind kind) {
  return (observed_kinds.load(std::memory_order_relaxed) & EventKinds(kind).bits()) != 0;
}

/// Announces that something begins, and when it is destroyed that it has ended. What the event's texts stand for lives
/// longer than it. The event's parent is the one that this thread is in, or else what was given.
class KILN_API EventScope {
public:
  explicit EventScope(const Event &event);
  ~EventScope();
  EventScope(const EventScope &) = delete;
  EventScope &operator=(const EventScope &) = delete;

  Event event;              ///< what is set before the end is part of the end
  void fail(const char *);  ///< keeps the text
  static const Event *in(); ///< the innermost one of this thread; null outside of all

private:
  std::string error_;
  const Event *const outer_;
  std::chrono::steady_clock::time_point start_;
};

/// Calls `body(scope)` between the beginning and the end of an event, and returns what it returns. What it throws is
/// the event's error.
template <class Body>
decltype(auto) observe(const Event &event, Body &&body) {
  EventScope scope(event);
  try {
    return std::forward<Body>(body)(scope);
  } catch (const std::exception &error) {
    scope.fail(error.what());
    throw;
  } catch (...) {
    scope.fail("an exception that is no std::exception");
    throw;
  }
}

/// The same of a stage of the compile that this thread is in; outside of compiles there is no event.
template <class Body>
decltype(auto) observe_stage(std::string_view step, Body &&body) {
  const Event *compile = EventScope::in();
  if (!compile || compile->kind != EventKind::compile)
    return std::forward<Body>(body)();
  Event event{.kind = EventKind::stage};
  event.kernel = compile->kernel;
  event.config = compile->config;
  event.target = compile->target;
  event.generic = compile->generic;
  event.step = step;
  return observe(event, [&](EventScope &) -> decltype(auto) { return std::forward<Body>(body)(); });
}

} // namespace kiln::runtime
