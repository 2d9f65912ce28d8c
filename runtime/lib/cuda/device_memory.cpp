#include "kiln/device_memory.h"

#include "buffer_table.h"
#include "driver.h"

#include "kiln/error.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::driver;

namespace {

constexpr std::size_t alignment = 256; // what cuMemAlloc gives

DevicePointer address(void *base, std::size_t offset) { return reinterpret_cast<DevicePointer>(base) + offset; }

void check_copy(const char *what, const void *host, std::size_t bytes, std::size_t offset, std::size_t size) {
  if (!host && bytes != 0)
    throw InvalidArgument(std::string("DeviceBuffer::") + what + ": the host's pointer is null, of " +
                          std::to_string(bytes) + " bytes");
  if (offset > size || bytes > size - offset)
    throw InvalidArgument(std::string("DeviceBuffer::") + what + ": bytes " + std::to_string(offset) + " to " +
                          std::to_string(offset + bytes) + " are not within the buffer of " + std::to_string(size) +
                          " bytes");
}

} // namespace

DeviceBuffer::DeviceBuffer(Device device, std::size_t bytes) : device_(device), bytes_(bytes) {
  if (!device)
    throw InvalidArgument("DeviceBuffer: no device was given");
  if (bytes == 0)
    return;
  if (device.kind() != Device::Kind::cuda) {
    std::unique_ptr<void, decltype(&std::free)> memory(
        bytes > SIZE_MAX - alignment ? nullptr
                                     : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment),
        &std::free);
    if (!memory)
      throw OutOfMemory(device.name() + ": cannot allocate " + std::to_string(bytes) +
                        " bytes: the host has no memory for them; use smaller buffers, or free some");
    if (device.kind() == Device::Kind::emulated)
      register_allocation(memory.get(), bytes, "device buffer");
    data_ = memory.release();
    return;
  }
  DeviceState &state = state_of(device, "DeviceBuffer");
  ContextScope scope(state);
  AllowDuringCapture allow(*state.api);
  DevicePointer result = 0;
  if (int status = state.api->mem_alloc(&result, bytes); status != success)
    raise(state, status, "cannot allocate " + std::to_string(bytes) + " bytes");
  data_ = reinterpret_cast<void *>(result);
  context_ = scope.context();
}

DeviceBuffer::~DeviceBuffer() {
  if (!data_)
    return;
  if (device_.kind() != Device::Kind::cuda) {
    if (device_.kind() == Device::Kind::emulated)
      unregister_allocation(data_);
    std::free(data_);
    return;
  }
  if (gone())
    return;
  try {
    DeviceState &state = state_of(device_, "DeviceBuffer");
    ContextScope scope(state, context_);
    AllowDuringCapture allow(*state.api);
    state.api->mem_free(address(data_, 0));
  } catch (const Error &) { // in a lost context the memory is gone anyway
  }
}

DeviceBuffer::DeviceBuffer(DeviceBuffer &&other) noexcept
    : device_(other.device_), bytes_(std::exchange(other.bytes_, 0)), data_(std::exchange(other.data_, nullptr)),
      context_(std::exchange(other.context_, nullptr)) {}

DeviceBuffer &DeviceBuffer::operator=(DeviceBuffer &&other) noexcept {
  std::swap(device_, other.device_);
  std::swap(bytes_, other.bytes_);
  std::swap(data_, other.data_);
  std::swap(context_, other.context_);
  return *this;
}

// The driver may return from a copy out of pageable memory before the data has arrived, and from a fill before it has
// begun; a kernel in a stream of its own would overtake them. Hence the waits for the default stream.
void DeviceBuffer::copy_from_host(const void *source, std::size_t bytes, std::size_t offset) {
  check_copy("copy_from_host", source, bytes, offset, bytes_);
  if (bytes == 0)
    return;
  if (device_.kind() != Device::Kind::cuda) {
    std::memcpy(static_cast<char *>(data_) + offset, source, bytes);
    return;
  }
  DeviceState &state = state_of(device_, "DeviceBuffer");
  ContextScope scope(state, context_);
  check(state, state.api->memcpy_htod(address(data_, offset), source, bytes), "cannot copy to the device");
  check(state, state.api->stream_synchronize(nullptr), "cannot copy to the device");
}

void DeviceBuffer::copy_to_host(void *target, std::size_t bytes, std::size_t offset) const {
  check_copy("copy_to_host", target, bytes, offset, bytes_);
  if (bytes == 0)
    return;
  if (device_.kind() != Device::Kind::cuda) {
    std::memcpy(target, static_cast<const char *>(data_) + offset, bytes);
    return;
  }
  DeviceState &state = state_of(device_, "DeviceBuffer");
  ContextScope scope(state, context_);
  check(state, state.api->memcpy_dtoh(target, address(data_, offset), bytes), "cannot copy from the device");
}

void DeviceBuffer::fill(unsigned char value) {
  if (bytes_ == 0)
    return;
  if (device_.kind() != Device::Kind::cuda) {
    std::memset(data_, value, bytes_);
    return;
  }
  DeviceState &state = state_of(device_, "DeviceBuffer");
  ContextScope scope(state, context_);
  check(state, state.api->memset_d8(address(data_, 0), value, bytes_), "cannot fill memory of the device");
  check(state, state.api->stream_synchronize(nullptr), "cannot fill memory of the device");
}

void DeviceBuffer::enqueue_fill(unsigned char value, void *stream) {
  if (bytes_ == 0)
    return;
  if (device_.kind() != Device::Kind::cuda) {
    std::memset(data_, value, bytes_);
    return;
  }
  DeviceState &state = state_of(device_, "DeviceBuffer");
  ContextScope scope(state, context_);
  check(state, state.api->memset_d8_async(address(data_, 0), value, bytes_, stream),
        "cannot fill memory of the device");
}

void kiln::synchronize(Device device) {
  if (device.kind() != Device::Kind::cuda)
    return;
  DeviceState &state = state_of(device, "synchronize");
  ContextScope scope(state);
  check(state, state.api->ctx_synchronize(), "a fault was found while waiting for the device");
}

void kiln::synchronize(Device device, void *stream) {
  if (device.kind() != Device::Kind::cuda)
    return;
  DeviceState &state = state_of(device, "synchronize");
  ContextScope scope(state);
  check(state, state.api->stream_synchronize(stream), "a fault was found while waiting for a stream");
}
