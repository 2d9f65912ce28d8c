// Who listens, and telling them.
#include "observe/listeners.h"

#include "kiln/error.h"
#include "kiln/runtime/log.h"
#include "kiln/runtime/observe.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

using namespace kiln;
using namespace kiln::runtime;

constinit std::atomic<std::uint32_t> runtime::observed_kinds{~std::uint32_t{0}};

namespace {

struct Listener {
  std::uint64_t number;
  EventCallback callback;
  EventKinds kinds;
  // With the mutex of Listeners held:
  int calls = 0; // that run
  bool removed = false;
};

using ListenerList = std::vector<std::shared_ptr<Listener>>;

struct Listeners {
  std::mutex mutex;
  std::condition_variable ended;                                               // a call of a listener that is removed
  std::shared_ptr<const ListenerList> list = std::make_shared<ListenerList>(); // replaced, never changed
  std::uint64_t last_number = 0;

  /// With the mutex held.
  void publish(ListenerList changed) {
    std::uint32_t kinds = 0;
    for (const auto &listener : changed)
      kinds |= listener->kinds.bits();
    list = std::make_shared<const ListenerList>(std::move(changed));
    observed_kinds.store(kinds, std::memory_order_relaxed);
  }

  std::uint64_t add(EventCallback callback, EventKinds kinds) {
    std::lock_guard lock(mutex);
    ListenerList changed = *list;
    changed.push_back(std::make_shared<Listener>(++last_number, std::move(callback), kinds));
    publish(std::move(changed));
    return last_number;
  }
};

/// What the environment asks for is there from the first use on. Never destroyed: launches may run after static
/// destructors have begun.
Listeners &listeners() {
  static Listeners *const instance = [] {
    auto *made = new Listeners;
    made->publish({});
    if (logs(LogLevel::debug))
      made->add(observers::make_logger(), EventKinds::all());
    else if (logs(LogLevel::info))
      made->add(observers::make_logger(),
                EventKind::compile | EventKind::stage | EventKind::tune | EventKind::tune_step);
    if (EventCallback ranges = observers::make_ranges())
      made->add(std::move(ranges), EventKinds::all());
    return made;
  }();
  return *instance;
}

/// A call of a listener that this thread is in. On the stack: a thread's own objects may be gone when it launches last.
struct Call {
  const Listener *listener;
  const Call *outer;
};

thread_local const Event *innermost = nullptr;
thread_local const Call *innermost_call = nullptr;

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void call(const Listener &listener, const Event &event) noexcept {
  try {
    listener.callback(event);
  } catch (const std::exception &error) {
    log(LogLevel::error, std::string("an event callback has thrown: ") + error.what());
  } catch (...) {
    log(LogLevel::error, "an event callback has thrown something that is no std::exception");
  }
}

/// Unless the listener was removed since the list was read.
void call_unless_removed(Listeners &all, Listener &listener, const Event &event) {
  {
    std::lock_guard lock(all.mutex);
    if (listener.removed)
      return;
    ++listener.calls;
  }
  const Call running{&listener, innermost_call};
  innermost_call = &running;
  call(listener, event);
  innermost_call = running.outer;
  std::lock_guard lock(all.mutex);
  --listener.calls;
  if (listener.removed)
    all.ended.notify_all();
}

void announce(const Event &event) {
  Listeners &all = listeners();
  if (!observed(event.kind))
    return;
  std::shared_ptr<const ListenerList> list;
  {
    std::lock_guard lock(all.mutex);
    list = all.list;
  }
  for (const auto &listener : *list)
    if (listener->kinds.has(event.kind))
      call_unless_removed(all, *listener, event);
}

} // namespace

std::uint64_t kiln::add_event_callback(EventCallback callback, EventKinds kinds) {
  if (!callback)
    throw InvalidArgument("add_event_callback: the callback is empty");
  return listeners().add(std::move(callback), kinds);
}

void kiln::remove_event_callback(std::uint64_t callback) {
  Listeners &all = listeners();
  std::unique_lock lock(all.mutex);
  ListenerList changed = *all.list;
  const auto found = std::ranges::find(changed, callback, [](const auto &listener) { return listener->number; });
  if (found == changed.end())
    return;
  const std::shared_ptr<Listener> removed = *found;
  changed.erase(found);
  all.publish(std::move(changed));
  removed->removed = true;
  int own = 0;
  for (const Call *running = innermost_call; running; running = running->outer)
    own += running->listener == removed.get();
  all.ended.wait(lock, [&] { return removed->calls <= own; });
  lock.unlock();
  if (own == 0) // what it holds goes now, not when another thread drops the list
    removed->callback = nullptr;
}

EventScope::EventScope(const Event &given) : event(given), outer_(innermost), start_(std::chrono::steady_clock::now()) {
  event.begins = true;
  event.id = next_id();
  if (outer_)
    event.parent = outer_->id;
  innermost = &event;
  announce(event);
}

EventScope::~EventScope() {
  event.ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  event.begins = false;
  event.error = error_;
  announce(event);
  innermost = outer_;
}

void EventScope::fail(const char *message) {
  try {
    error_ = message;
  } catch (const std::exception &) {
    error_ = "?"; // which needs no memory
  }
}

const Event *EventScope::in() { return innermost; }
