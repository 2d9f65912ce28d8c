#include "kiln/stream.h"

#include "driver.h"

#include "kiln/device_memory.h"
#include "kiln/error.h"

#include <utility>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::driver;

// Destructors ignore what the driver says: in a lost context there is nothing to free.

Stream::Stream(Device device) : device_(device) {
  DeviceState &state = state_of(device, "Stream");
  ContextScope scope(state);
  AllowDuringCapture allow(*state.api);
  check(state, state.api->stream_create(&handle_, stream_non_blocking), "cannot create a stream");
}

Stream::~Stream() {
  if (const Api *api = api_or_null())
    api->stream_destroy(handle_);
}

void Stream::synchronize() const { kiln::synchronize(device_, handle_); }

GpuTimer::GpuTimer(Device device) : device_(device) {
  DeviceState &state = state_of(device, "GpuTimer");
  ContextScope scope(state);
  check(state, state.api->event_create(&start_, 0), "cannot create a timer");
  if (int status = state.api->event_create(&stop_, 0); status != success) {
    state.api->event_destroy(start_);
    raise(state, status, "cannot create a timer");
  }
}

GpuTimer::~GpuTimer() {
  if (const Api *api = api_or_null()) {
    api->event_destroy(start_);
    api->event_destroy(stop_);
  }
}

void GpuTimer::start(void *stream) {
  DeviceState &state = state_of(device_, "GpuTimer");
  ContextScope scope(state);
  check(state, state.api->event_record(start_, stream), "cannot start a timer");
}

void GpuTimer::stop(void *stream) {
  DeviceState &state = state_of(device_, "GpuTimer");
  ContextScope scope(state);
  check(state, state.api->event_record(stop_, stream), "cannot stop a timer");
}

double GpuTimer::milliseconds() const {
  DeviceState &state = state_of(device_, "GpuTimer");
  ContextScope scope(state);
  check(state, state.api->event_synchronize(stop_), "a fault was found while waiting for a timer");
  float result = 0;
  check(state, state.api->event_elapsed_time(&result, start_, stop_), "cannot read a timer");
  return static_cast<double>(result);
}

Graph::~Graph() {
  const Api *api = api_or_null();
  if (!api)
    return;
  if (void *stream = std::exchange(recording_, nullptr)) {
    void *graph = nullptr;
    api->stream_end_capture(stream, &graph);
    if (graph)
      api->graph_destroy(graph);
  }
  if (executable_)
    api->graph_exec_destroy(executable_);
}

void Graph::begin(const Stream &stream) {
  if (recording_ || executable_)
    throw InvalidArgument("Graph::begin: this graph has recorded before");
  DeviceState &state = state_of(stream.device(), "Graph::begin");
  ContextScope scope(state);
  // What other threads do meanwhile is their own affair.
  check(state, state.api->stream_begin_capture(stream.handle(), capture_thread_local), "cannot record a graph");
  device_ = stream.device();
  recording_ = stream.handle();
}

void Graph::end() {
  if (!recording_)
    throw InvalidArgument("Graph::end: begin() was not called");
  DeviceState &state = state_of(device_, "Graph::end");
  ContextScope scope(state);
  void *graph = nullptr;
  check(state, state.api->stream_end_capture(std::exchange(recording_, nullptr), &graph), "cannot record a graph");
  int status = state.api->graph_instantiate(&executable_, graph, 0);
  state.api->graph_destroy(graph);
  check(state, status, "cannot make the recorded graph executable");
}

void Graph::launch(const Stream &stream) const {
  if (!executable_)
    throw InvalidArgument("Graph::launch: nothing is recorded");
  DeviceState &state = state_of(device_, "Graph::launch");
  ContextScope scope(state);
  check(state, state.api->graph_launch(executable_, stream.handle()), "cannot launch a graph");
}
