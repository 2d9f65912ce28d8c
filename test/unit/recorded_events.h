// Events that outlive the calls of a callback.
#pragma once

#include "kiln/events.h"

#include <mutex>
#include <string>
#include <vector>

struct RecordedEvent : kiln::Event {
  std::string kernel, config, target, step, error; // in the place of those that end with the call

  explicit RecordedEvent(const kiln::Event &event)
      : Event(event), kernel(event.kernel), config(event.config), target(event.target), step(event.step),
        error(event.error) {}
};

/// Keeps all events of these kinds while it lives.
class EventRecorder {
public:
  explicit EventRecorder(kiln::EventKinds kinds = kiln::EventKinds::all())
      : number_(kiln::add_event_callback(
            [this](const kiln::Event &event) {
              std::lock_guard lock(mutex_);
              events_.emplace_back(event);
            },
            kinds)) {}
  EventRecorder(const EventRecorder &) = delete;
  EventRecorder &operator=(const EventRecorder &) = delete;
  ~EventRecorder() { kiln::remove_event_callback(number_); }

  std::vector<RecordedEvent> all() const {
    std::lock_guard lock(mutex_);
    return events_;
  }

  std::vector<RecordedEvent> ends(kiln::EventKind kind) const {
    std::vector<RecordedEvent> found;
    for (const RecordedEvent &event : all())
      if (event.kind == kind && !event.begins)
        found.push_back(event);
    return found;
  }

  /// "+compile +trace -trace -compile": what begins and what ends, in order.
  std::string order() const {
    static constexpr const char *names[] = {"compile", "stage", "launch", "tune", "tune step"};
    std::string text;
    for (const RecordedEvent &event : all())
      text += (text.empty() ? "" : " ") + std::string(event.begins ? "+" : "-") +
              (event.step.empty() ? names[static_cast<int>(event.kind)] : event.step);
    return text;
  }

private:
  mutable std::mutex mutex_;
  std::vector<RecordedEvent> events_;
  std::uint64_t number_;
};
