// Who is told of events, and when.
#include "kiln/events.h"
#include "kiln/runtime/observe.h"

#include "../message_of.h"
#include "kiln/error.h"

#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace kiln;
using namespace kiln::runtime;

namespace {

Event event_of(EventKind kind, const char *kernel = "copy") {
  Event event{.kind = kind};
  event.kernel = kernel;
  event.config = "{64}";
  event.target = "cpu";
  return event;
}

void happen(EventKind kind) { EventScope scope(event_of(kind)); }

/// A callback for the life of a scope.
struct Listening {
  std::uint64_t number;
  Listening(EventCallback callback, EventKinds kinds = EventKinds::all())
      : number(add_event_callback(std::move(callback), kinds)) {}
  ~Listening() { remove_event_callback(number); }
};

TEST(Events, WithoutCallbacksNothingIsObserved) {
  happen(EventKind::launch); // the environment, which asks for nothing, has been asked
  EXPECT_EQ(observed_kinds.load(), 0u);
  {
    Listening launches([](const Event &) {}, EventKind::launch);
    EXPECT_TRUE(observed(EventKind::launch));
    EXPECT_FALSE(observed(EventKind::compile));
  }
  EXPECT_EQ(observed_kinds.load(), 0u);
}

TEST(Events, BeginAndEndHaveOneNumberAndTheEndHasTheTime) {
  std::vector<Event> seen;
  Listening all([&](const Event &event) { seen.push_back(event); });
  {
    EventScope scope(event_of(EventKind::compile));
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    scope.event.kept = true;
  }
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_TRUE(seen[0].begins);
  EXPECT_FALSE(seen[1].begins);
  EXPECT_NE(seen[0].id, 0u);
  EXPECT_EQ(seen[0].id, seen[1].id);
  EXPECT_EQ(seen[0].parent, 0u);
  EXPECT_EQ(seen[1].kernel, "copy");
  EXPECT_EQ(seen[1].config, "{64}");
  EXPECT_FALSE(seen[0].kept);
  EXPECT_TRUE(seen[1].kept);
  EXPECT_GE(seen[1].ms, 3);
}

TEST(Events, StagesBelongToTheCompileTheyAreIn) {
  std::vector<Event> seen;
  Listening all([&](const Event &event) { seen.push_back(event); });
  EXPECT_EQ(observe_stage("trace", [] { return 7; }), 7); // outside of compiles
  EXPECT_TRUE(seen.empty());
  observe(event_of(EventKind::compile), [](EventScope &) { observe_stage("trace", [] {}); });
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[1].kind, EventKind::stage);
  EXPECT_EQ(seen[1].step, "trace");
  EXPECT_EQ(seen[1].kernel, "copy");
  EXPECT_EQ(seen[1].parent, seen[0].id);
  EXPECT_EQ(seen[2].id, seen[1].id);
  EXPECT_EQ(seen[3].id, seen[0].id);
}

TEST(Events, AnExceptionIsTheErrorOfTheEndAndGoesOn) {
  std::string error;
  Listening all([&](const Event &event) { error += event.error; });
  EXPECT_THROW(observe(event_of(EventKind::compile), [](EventScope &) { throw std::runtime_error("no room"); }),
               std::runtime_error);
  EXPECT_EQ(error, "no room");
  EXPECT_EQ(EventScope::in(), nullptr);
}

TEST(Events, CallbacksAreToldOfTheirKindsAlone) {
  int launches = 0, others = 0;
  Listening a([&](const Event &) { ++launches; }, EventKind::launch);
  Listening b([&](const Event &) { ++others; }, EventKind::compile | EventKind::tune);
  happen(EventKind::launch);
  happen(EventKind::tune);
  happen(EventKind::stage);
  EXPECT_EQ(launches, 2);
  EXPECT_EQ(others, 2);
}

TEST(Events, WhatACallbackThrowsIsLoggedAndTheOthersAreCalled) {
  int calls = 0;
  Listening bad([](const Event &) { throw std::runtime_error("out of ink"); });
  Listening good([&](const Event &) { ++calls; });
  testing::internal::CaptureStderr();
  happen(EventKind::launch);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "kiln: error: an event callback has thrown: out of ink\n"
                                                    "kiln: error: an event callback has thrown: out of ink\n");
  EXPECT_EQ(calls, 2);
}

TEST(Events, ACallbackMayRemoveItselfAndMakeEvents) {
  int calls = 0;
  std::uint64_t number = 0;
  number = add_event_callback([&](const Event &event) {
    if (++calls == 1)
      happen(EventKind::compile);
    if (event.kind == EventKind::launch)
      remove_event_callback(number);
  });
  happen(EventKind::launch); // its beginning, which a compile happens in
  EXPECT_EQ(calls, 3);
  happen(EventKind::launch);
  EXPECT_EQ(calls, 3);
  remove_event_callback(number); // is none any more
}

TEST(Events, ACallbackMayRemoveTheNextOne) {
  std::uint64_t second = 0;
  int calls = 0;
  Listening first([&](const Event &) { remove_event_callback(second); });
  second = add_event_callback([&](const Event &) { ++calls; });
  happen(EventKind::launch);
  EXPECT_EQ(calls, 0);
}

TEST(Events, ACallbackThatIsAddedByAnotherIsToldOfTheNextEvent) {
  std::uint64_t added = 0;
  int calls = 0;
  Listening first([&](const Event &) {
    if (!added)
      added = add_event_callback([&](const Event &event) { calls += event.begins ? 100 : 1; });
  });
  happen(EventKind::launch);
  EXPECT_EQ(calls, 1) << "the end";
  remove_event_callback(added);
}

TEST(Events, WhatACallbackHoldsGoesWithIt) {
  auto held = std::make_shared<int>(7);
  const std::uint64_t number = add_event_callback([held](const Event &) { EXPECT_EQ(*held, 7); });
  happen(EventKind::launch);
  EXPECT_EQ(held.use_count(), 2);
  remove_event_callback(number);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Events, AnEmptyCallbackIsRefused) {
  happen(EventKind::launch); // after the first event it is known that nobody listens
  EXPECT_EQ(message_of<InvalidArgument>([] { add_event_callback({}); }), "add_event_callback: the callback is empty");
  EXPECT_EQ(observed_kinds.load(), 0u);
}

TEST(Events, NestedEventsHaveTheirPlace) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> seen; // id and parent
  Listening all([&](const Event &event) {
    if (event.begins)
      seen.emplace_back(event.id, event.parent);
  });
  Event given = event_of(EventKind::tune_step);
  given.parent = 12;
  {
    EventScope alone(given);
  }
  {
    EventScope outer(event_of(EventKind::tune));
    EventScope inner(given);
  }
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].second, 12u) << "no other is known";
  EXPECT_EQ(seen[2].second, seen[1].first);
}

TEST(Events, WhatIsNoExceptionIsAnErrorToo) {
  std::string error;
  Listening all([&](const Event &event) { error += event.error; });
  EXPECT_THROW(observe(event_of(EventKind::compile), [](EventScope &) { throw 3; }), int);
  EXPECT_EQ(error, "an exception that is no std::exception");
}

TEST(Events, AfterItsRemovalACallbackRunsInNoThread) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&] {
        while (!stop)
          happen(EventKind::launch);
      });
    auto alive = std::make_unique<std::atomic<int>>(1);
    std::atomic<int> wrong{0}, calls{0};
    std::atomic<int> *state = alive.get();
    const std::uint64_t number = add_event_callback([&, state](const Event &) {
      if (*state != 1)
        ++wrong;
      ++calls;
      std::this_thread::yield();
      if (*state != 1)
        ++wrong;
    });
    while (calls < 10)
      std::this_thread::yield();
    remove_event_callback(number);
    *state = 0;
    stop = true;
    for (std::thread &thread : threads)
      thread.join();
    EXPECT_EQ(wrong, 0);
  }
}

} // namespace
