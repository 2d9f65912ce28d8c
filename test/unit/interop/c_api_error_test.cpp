// Every message of the C API, and the status that it comes with.
#include "dl_array.h"
#include "message_of.h"

#include "capi/sized.h"

#include "kiln/c_api.h"
#include "kiln/debug.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <thread>

using namespace kiln;
using test::DlArray;

namespace {

#define EXPECT_FAILURE(call, status, message)                                                                          \
  do {                                                                                                                 \
    EXPECT_EQ(call, status);                                                                                           \
    EXPECT_STREQ(kiln_last_error(), message);                                                                          \
  } while (0)

const kiln_device *cpu() {
  const kiln_device *device = nullptr;
  EXPECT_EQ(kiln_device_find("cpu", &device), KILN_OK) << kiln_last_error();
  return device;
}

struct Config {
  kiln_config *handle = nullptr;
  explicit Config(const char *kernel) { EXPECT_EQ(kiln_config_create(kernel, &handle), KILN_OK) << kiln_last_error(); }
  ~Config() { kiln_config_release(handle); }
};

TEST(CApiError, OfEachThreadItsOwn) {
  const kiln_device *device = nullptr;
  EXPECT_FAILURE(kiln_device_find(nullptr, &device), KILN_INVALID_ARGUMENT, "kiln_device_find: name is null");
  std::thread([] { EXPECT_STREQ(kiln_last_error(), ""); }).join();
  EXPECT_EQ(kiln_device_find("cpu", &device), KILN_OK);
  EXPECT_STREQ(kiln_last_error(), "kiln_device_find: name is null") << "a success does not clear it";
}

TEST(CApiError, Devices) {
  const kiln_device *device = nullptr, *again = nullptr;
  EXPECT_FAILURE(kiln_device_find("cpu", nullptr), KILN_INVALID_ARGUMENT, "kiln_device_find: device is null");
  EXPECT_FAILURE(kiln_device_find("tpu", &device), KILN_INVALID_ARGUMENT,
                 "unknown device 'tpu'; there are cpu, interpreter, cuda:N and emulated:ARCH, such as emulated:sm_90a");
  EXPECT_EQ(kiln_device_find("cuda:4321", &device), KILN_DEVICE_ERROR);
  EXPECT_EQ(std::string(kiln_last_error()).find("Device::cuda(4321): "), 0U) << kiln_last_error();
  EXPECT_EQ(device, nullptr);
  ASSERT_EQ(kiln_device_find("emulated:sm_80", &device), KILN_OK);
  ASSERT_EQ(kiln_device_find("emulated:sm_80", &again), KILN_OK);
  EXPECT_EQ(device, again);
  EXPECT_STREQ(kiln_device_name(device), "emulated:sm_80");
  EXPECT_STREQ(kiln_device_name(nullptr), "none");
  EXPECT_FAILURE(kiln_synchronize(nullptr, nullptr), KILN_INVALID_ARGUMENT, "kiln_synchronize: device is null");
}

TEST(CApiError, Buffers) {
  kiln_buffer *buffer = nullptr;
  EXPECT_FAILURE(kiln_buffer_create(nullptr, 4, &buffer), KILN_INVALID_ARGUMENT, "kiln_buffer_create: device is null");
  EXPECT_FAILURE(kiln_buffer_create(cpu(), 4, nullptr), KILN_INVALID_ARGUMENT, "kiln_buffer_create: buffer is null");
  EXPECT_FAILURE(kiln_buffer_create(cpu(), -1, &buffer), KILN_INVALID_ARGUMENT,
                 "kiln_buffer_create: bytes is -1, must be at least 0");
  ASSERT_EQ(kiln_buffer_create(cpu(), 8, &buffer), KILN_OK) << kiln_last_error();
  char text[8] = "abcdefg";
  EXPECT_FAILURE(kiln_buffer_from_host(nullptr, text, 8), KILN_INVALID_ARGUMENT,
                 "kiln_buffer_from_host: buffer is null");
  EXPECT_FAILURE(kiln_buffer_from_host(buffer, text, -8), KILN_INVALID_ARGUMENT,
                 "kiln_buffer_from_host: bytes is -8, must be at least 0");
  EXPECT_EQ(kiln_buffer_from_host(buffer, text, 9), KILN_INVALID_ARGUMENT);
  EXPECT_FAILURE(kiln_buffer_from_host(buffer, nullptr, 8), KILN_INVALID_ARGUMENT,
                 "kiln_buffer_from_host: source is null");
  EXPECT_EQ(kiln_buffer_from_host(buffer, nullptr, 0), KILN_OK);
  EXPECT_FAILURE(kiln_buffer_to_host(nullptr, text, 8), KILN_INVALID_ARGUMENT, "kiln_buffer_to_host: buffer is null");
  EXPECT_FAILURE(kiln_buffer_to_host(buffer, text, -8), KILN_INVALID_ARGUMENT,
                 "kiln_buffer_to_host: bytes is -8, must be at least 0");
  EXPECT_FAILURE(kiln_buffer_to_host(buffer, nullptr, 8), KILN_INVALID_ARGUMENT, "kiln_buffer_to_host: target is null");
  EXPECT_EQ(kiln_buffer_to_host(buffer, nullptr, 0), KILN_OK);
  DLManagedTensorVersioned *tensor = nullptr;
  DLManagedTensor *plain = nullptr;
  const std::int64_t shape[] = {3};
  EXPECT_FAILURE(kiln_buffer_to_dlpack(nullptr, KILN_F32, 1, shape, nullptr, &tensor), KILN_INVALID_ARGUMENT,
                 "kiln_buffer_to_dlpack: buffer is null");
  EXPECT_FAILURE(kiln_buffer_to_dlpack(buffer, KILN_F32, 1, shape, nullptr, nullptr), KILN_INVALID_ARGUMENT,
                 "kiln_buffer_to_dlpack: tensor is null");
  EXPECT_FAILURE(kiln_buffer_to_dlpack(buffer, KILN_F32, 1, shape, nullptr, &tensor), KILN_INVALID_ARGUMENT,
                 "to_dlpack: the array ends behind its buffer of 8 bytes");
  EXPECT_FAILURE(kiln_buffer_to_dlpack(buffer, 11, 1, shape, nullptr, &tensor), KILN_INVALID_ARGUMENT,
                 "kiln_buffer_to_dlpack: dtype is 11, which is no kiln_dtype");
  EXPECT_FAILURE(kiln_buffer_to_dlpack(buffer, KILN_F16, -1, shape, nullptr, &tensor), KILN_INVALID_ARGUMENT,
                 "kiln_buffer_to_dlpack: rank is -1, must be at least 0");
  EXPECT_FAILURE(kiln_buffer_to_dlpack_unversioned(buffer, KILN_F16, 1, nullptr, nullptr, &plain),
                 KILN_INVALID_ARGUMENT, "kiln_buffer_to_dlpack: shape is null");
  EXPECT_EQ(tensor, nullptr);
  ASSERT_EQ(kiln_buffer_to_dlpack_unversioned(buffer, KILN_F16, 1, shape, nullptr, &plain), KILN_OK);
  plain->deleter(plain);
  kiln_buffer_release(buffer);
  EXPECT_FAILURE(kiln_dlpack_view(nullptr, 0, nullptr), KILN_INVALID_ARGUMENT, "kiln_dlpack_view: tensor is null");
}

TEST(CApiError, Configs) {
  kiln_config *none = nullptr;
  EXPECT_FAILURE(kiln_config_create("softmax", nullptr), KILN_INVALID_ARGUMENT, "kiln_config_create: config is null");
  EXPECT_FAILURE(kiln_config_create(nullptr, &none), KILN_INVALID_ARGUMENT, "kiln_config_create: kernel is null");
  EXPECT_FAILURE(kiln_config_create("sofmax", &none), KILN_INVALID_ARGUMENT,
                 "kiln_config_create: the library has no kernel 'sofmax'; it has vector_add, softmax, rms_norm, "
                 "matmul, kv_cache_store, paged_attention_decode");
  const Config config("softmax");
  EXPECT_FAILURE(kiln_config_set(nullptr, "block=1"), KILN_INVALID_ARGUMENT, "kiln_config_set: config is null");
  EXPECT_FAILURE(kiln_config_set(config.handle, nullptr), KILN_INVALID_ARGUMENT, "kiln_config_set: assignment is null");
  EXPECT_FAILURE(kiln_config_set(config.handle, "blok=1"), KILN_INVALID_ARGUMENT,
                 "error: softmax has no config field 'blok'; it has block, chunked, num_warps");
  EXPECT_FAILURE(kiln_config_set(config.handle, "block"), KILN_INVALID_ARGUMENT,
                 "error: config 'block': expected FIELD=VALUE");
  EXPECT_FAILURE(kiln_config_set(config.handle, "chunked=2"), KILN_INVALID_ARGUMENT,
                 "error: config 'chunked=2': expected true or false after '='");
  double value = 0;
  EXPECT_FAILURE(kiln_config_get(config.handle, "block", &value), KILN_INVALID_ARGUMENT,
                 "softmax: the config's member 'block' was not set");
  EXPECT_FAILURE(kiln_config_get(config.handle, "blok", &value), KILN_INVALID_ARGUMENT,
                 "softmax: the config has no member 'blok'");
  EXPECT_FAILURE(kiln_config_get(nullptr, "block", &value), KILN_INVALID_ARGUMENT, "kiln_config_get: config is null");
  EXPECT_FAILURE(kiln_config_get(config.handle, nullptr, &value), KILN_INVALID_ARGUMENT,
                 "kiln_config_get: member is null");
  EXPECT_FAILURE(kiln_config_get(config.handle, "block", nullptr), KILN_INVALID_ARGUMENT,
                 "kiln_config_get: value is null");
  EXPECT_STREQ(kiln_config_member(config.handle, 2), "num_warps");
  EXPECT_EQ(kiln_config_member(config.handle, 3), nullptr);
  EXPECT_EQ(kiln_config_member(config.handle, -1), nullptr);
}

TEST(CApiError, Structures) {
  float x[8] = {}, out[8] = {};
  kiln_vector_add_problem p{.size = sizeof p, .device = cpu(), .dtype = KILN_F32, .n = 8, .x = x, .y = x, .out = out};
  EXPECT_EQ(kiln_vector_add(&p, nullptr, nullptr), KILN_OK) << kiln_last_error();
  EXPECT_FAILURE(kiln_vector_add(nullptr, nullptr, nullptr), KILN_INVALID_ARGUMENT,
                 "vector_add: the structure is null");
  p.size = 12;
  EXPECT_FAILURE(kiln_vector_add(&p, nullptr, nullptr), KILN_INVALID_ARGUMENT,
                 "vector_add: size is 12; set it to the size of the structure, 56");
  struct {
    kiln_vector_add_problem known;
    std::int64_t unknown;
  } later{p, 0};
  later.known.size = sizeof later;
  EXPECT_EQ(kiln_vector_add(&later.known, nullptr, nullptr), KILN_OK) << kiln_last_error();
  later.unknown = 1;
  const std::string message = std::string("vector_add: members are set that Kiln ") + kiln_version() +
                              " does not have; load the version that the caller is for";
  EXPECT_FAILURE(kiln_vector_add(&later.known, nullptr, nullptr), KILN_INVALID_ARGUMENT, message.c_str());
}

// A number that is none of a structure's is refused before anything behind the structure is read.
TEST(CApiError, SizesThatNoStructureHas) {
  float x[8] = {}, out[8] = {};
  kiln_vector_add_problem p{.size = 0, .device = cpu(), .dtype = KILN_F32, .n = 8, .x = x, .y = x, .out = out};
  for (const std::size_t size : {std::size_t(0), sizeof p - 1, std::size_t(4097), std::size_t(1) << 40, SIZE_MAX}) {
    p.size = size;
    const std::string message =
        "vector_add: size is " + std::to_string(size) + "; set it to the size of the structure, 56";
    EXPECT_FAILURE(kiln_vector_add(&p, nullptr, nullptr), KILN_INVALID_ARGUMENT, message.c_str());
  }
  kiln_launch_options options{};
  options.size = SIZE_MAX;
  kiln_kernel *kernel = nullptr;
  ASSERT_EQ(kiln_kernel_create("softmax_f32", nullptr, 0, &kernel), KILN_OK) << kiln_last_error();
  EXPECT_FAILURE(kiln_kernel_launch(kernel, &options, nullptr, 0), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_launch: size is 18446744073709551615; set it to the size of the structure, 40");
  kiln_kernel_release(kernel);
}

// The members of one structure in the header of three versions; the library is of the second.
struct First {
  std::size_t size;
  std::int64_t a;
};
struct Second {
  std::size_t size;
  std::int64_t a, b;
};
struct Third {
  std::size_t size;
  std::int64_t a, b, c;
};

} // namespace

template <>
inline constexpr std::size_t kiln::capi::first_size<Second> = sizeof(First);

namespace {

template <class S>
Second read(const S &structure) {
  return capi::read_sized(reinterpret_cast<const Second *>(&structure), "structure");
}

TEST(CApiError, StructuresOfOlderAndNewerHeaders) {
  struct {
    First known{sizeof(First), 1};
    std::int64_t behind = 99;
  } older;
  Second result = read(older);
  EXPECT_EQ(result.a, 1);
  EXPECT_EQ(result.b, 0) << "a member that the caller does not have";
  result.a = 5;
  result.b = 7;
  capi::write_sized(reinterpret_cast<Second *>(&older), result);
  EXPECT_EQ(older.known.size, sizeof(First));
  EXPECT_EQ(older.known.a, 5);
  EXPECT_EQ(older.behind, 99) << "it lies behind the caller's structure";

  Third newer{sizeof(Third), 1, 2, 0};
  result = read(newer);
  EXPECT_EQ(result.b, 2);
  result.b = 8;
  capi::write_sized(reinterpret_cast<Second *>(&newer), result);
  EXPECT_EQ(newer.size, sizeof(Third));
  EXPECT_EQ(newer.b, 8);
  newer.c = 1;
  EXPECT_THROW(read(newer), InvalidArgument);
  EXPECT_EQ(message_of<InvalidArgument>([&] { read(First{sizeof(First) - 1, 1}); }),
            "structure: size is 15; set it to the size of the structure, 24");
}

TEST(CApiError, Problems) {
  float x[8] = {}, out[8] = {};
  kiln_softmax_problem p{.size = sizeof p,
                         .device = cpu(),
                         .dtype = KILN_I32,
                         .rows = 1,
                         .cols = 8,
                         .in = x,
                         .out = out,
                         .in_stride = 8,
                         .out_stride = 8};
  EXPECT_FAILURE(kiln_softmax(&p, nullptr, nullptr), KILN_INVALID_ARGUMENT,
                 "softmax: the elements are of i32; must be of f16, bf16 or f32");
  p.dtype = 99;
  EXPECT_FAILURE(kiln_softmax(&p, nullptr, nullptr), KILN_INVALID_ARGUMENT,
                 "softmax: the elements are of no known type; must be of f16, bf16 or f32");
  p.dtype = KILN_F32;
  const Config other("matmul");
  EXPECT_FAILURE(kiln_softmax(&p, other.handle, nullptr), KILN_INVALID_ARGUMENT,
                 "softmax: the config is one of matmul");
  const Config config("softmax");
  ASSERT_EQ(kiln_config_set(config.handle, "block=3"), KILN_OK);
  EXPECT_FAILURE(kiln_softmax(&p, config.handle, nullptr), KILN_INVALID_ARGUMENT,
                 "softmax: config.block is 3, must be a power of two from 1 to 65536");
  ASSERT_EQ(kiln_config_set(config.handle, "block=4294967296"), KILN_OK);
  EXPECT_FAILURE(kiln_softmax(&p, config.handle, nullptr), KILN_INVALID_ARGUMENT,
                 "error: config field 'block' cannot hold 4294967296");
  EXPECT_FAILURE(kiln_softmax_default_config(&p, nullptr), KILN_INVALID_ARGUMENT, "softmax: config is null");
}

TEST(CApiError, Tensors) {
  DlArray<float> x({2, 4}), out({2, 4});
  kiln_softmax_tensors t{.size = sizeof t, .device = nullptr, .in = x.get(), .out = out.get()};
  EXPECT_EQ(kiln_softmax_dlpack(&t, nullptr, nullptr), KILN_OK) << kiln_last_error();
  EXPECT_FLOAT_EQ(out.values[0], 0.25F);
  t.in = nullptr;
  EXPECT_FAILURE(kiln_softmax_dlpack(&t, nullptr, nullptr), KILN_INVALID_ARGUMENT, "softmax: in is missing");
  t.in = x.get();
  x.tensor.device = {kDLCUDAManaged, 54321};
  out.tensor.device = {kDLCUDA, 54321};
  EXPECT_EQ(kiln_softmax_dlpack(&t, nullptr, nullptr), KILN_DEVICE_ERROR);
  EXPECT_EQ(kiln_softmax_from_dlpack(&t, nullptr), KILN_INVALID_ARGUMENT);
}

// The interpreter works on memory of the host as well; a GPU, where there is one, does not.
TEST(CApiError, ADeviceThatTheTensorsAreNotOn) {
  DlArray<float> x({2, 4}), out({2, 4});
  kiln_softmax_tensors t{.size = sizeof t, .device = nullptr, .in = x.get(), .out = out.get()};
  ASSERT_EQ(kiln_device_find("interpreter", &t.device), KILN_OK);
  EXPECT_EQ(kiln_softmax_dlpack(&t, nullptr, nullptr), KILN_OK) << kiln_last_error();
  if (kiln_device_find("cuda:0", &t.device) != KILN_OK)
    GTEST_SKIP() << kiln_last_error();
  EXPECT_FAILURE(kiln_softmax_dlpack(&t, nullptr, nullptr), KILN_INVALID_ARGUMENT,
                 "softmax: device is cuda:0, but the tensors are in memory of cpu; move them, or name no device");
}

TEST(CApiError, AWorkspaceThatIsTooSmall) {
  DlArray<float> q({1, 4, 16}), k({3, 8, 2, 16}), v({3, 8, 2, 16}), out({1, 4, 16});
  DlArray<std::int32_t> table({1, 3}), lengths({1});
  kiln_paged_attention_decode_tensors t{.size = sizeof t,
                                        .device = nullptr,
                                        .q = q.get(),
                                        .key_cache = k.get(),
                                        .value_cache = v.get(),
                                        .table = table.get(),
                                        .lengths = lengths.get(),
                                        .out = out.get(),
                                        .lse = nullptr,
                                        .scale = 0,
                                        .workspace = nullptr,
                                        .workspace_size = 0};
  lengths.values[0] = 24;
  const Config shares("paged_attention_decode");
  ASSERT_EQ(kiln_config_set(shares.handle, "schedule=2"), KILN_OK) << kiln_last_error();
  kiln_paged_attention_decode_problem p{};
  p.size = sizeof p;
  ASSERT_EQ(kiln_paged_attention_decode_from_dlpack(&t, &p), KILN_OK) << kiln_last_error();
  std::int64_t bytes = 0;
  EXPECT_FAILURE(kiln_paged_attention_decode_workspace(&p, shares.handle, nullptr), KILN_INVALID_ARGUMENT,
                 "paged_attention_decode: bytes is null");
  ASSERT_EQ(kiln_paged_attention_decode_workspace(&p, shares.handle, &bytes), KILN_OK) << kiln_last_error();
  EXPECT_GT(bytes, 0);
  const std::string message = "paged_attention: workspace_size is 0, must be at least " + std::to_string(bytes) +
                              "; kiln_paged_attention_decode_workspace tells how much a problem needs";
  EXPECT_FAILURE(kiln_paged_attention_decode_dlpack(&t, shares.handle, nullptr), KILN_WORKSPACE_TOO_SMALL,
                 message.c_str());
  kiln_buffer *workspace = nullptr;
  ASSERT_EQ(kiln_buffer_create(cpu(), bytes, &workspace), KILN_OK) << kiln_last_error();
  t.workspace = kiln_buffer_data(workspace);
  t.workspace_size = bytes;
  EXPECT_EQ(kiln_paged_attention_decode_dlpack(&t, shares.handle, nullptr), KILN_OK) << kiln_last_error();
  kiln_buffer_release(workspace);
}

TEST(CApiError, Kernels) {
  kiln_kernel *kernel = nullptr;
  EXPECT_FAILURE(kiln_kernel_create(nullptr, nullptr, 0, &kernel), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_create: name is null");
  EXPECT_FAILURE(kiln_kernel_create("softmax_f32", nullptr, 0, nullptr), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_create: kernel is null");
  EXPECT_FAILURE(kiln_kernel_create("softmax_f32", nullptr, -3, &kernel), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_create: count is -3, must be at least 0");
  EXPECT_FAILURE(kiln_kernel_create("softmax_f32", nullptr, 1, &kernel), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_create: assignments is null");
  const char *assignments[] = {nullptr};
  EXPECT_FAILURE(kiln_kernel_create("softmax_f32", assignments, 1, &kernel), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_create: an assignment is null");
  EXPECT_FAILURE(kiln_kernel_create("sofmax_f32", nullptr, 0, &kernel), KILN_INVALID_ARGUMENT,
                 "error: there is no kernel 'sofmax_f32'; did you mean softmax_f32, softmax_f16, softmax_bf16?");
  EXPECT_EQ(kiln_kernel_name(-1), nullptr);
  EXPECT_EQ(kiln_kernel_name(1 << 20), nullptr);
  assignments[0] = "block=100";
  ASSERT_EQ(kiln_kernel_create("softmax_f32", assignments, 1, &kernel), KILN_OK) << kiln_last_error();
  EXPECT_EQ(kiln_kernel_prepare(kernel, cpu()), KILN_TRACE_ERROR);
  EXPECT_NE(std::string(kiln_last_error()).find("note: while tracing 'softmax_f32' with {100, "), std::string::npos)
      << kiln_last_error();
  kiln_kernel_release(kernel);
  ASSERT_EQ(kiln_kernel_create("softmax_f32", nullptr, 0, &kernel), KILN_OK) << kiln_last_error();

  kiln_parameter parameter;
  EXPECT_FAILURE(kiln_kernel_parameter(kernel, 5, &parameter), KILN_INVALID_ARGUMENT,
                 "softmax_f32: there is no parameter 5; it has 5");
  EXPECT_FAILURE(kiln_kernel_parameter(nullptr, 0, &parameter), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_parameter: kernel is null");
  EXPECT_FAILURE(kiln_kernel_parameter(kernel, 0, nullptr), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_parameter: parameter is null");
  EXPECT_FAILURE(kiln_kernel_prepare(nullptr, cpu()), KILN_INVALID_ARGUMENT, "kiln_kernel_prepare: kernel is null");

  kiln_bytes *bytes = nullptr;
  EXPECT_FAILURE(kiln_kernel_emit(nullptr, "cpu", "asm", &bytes), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_emit: kernel is null");
  EXPECT_FAILURE(kiln_kernel_emit(kernel, nullptr, "asm", &bytes), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_emit: target is null");
  EXPECT_FAILURE(kiln_kernel_emit(kernel, "cpu", nullptr, &bytes), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_emit: stage is null");
  EXPECT_FAILURE(kiln_kernel_emit(kernel, "cpu", "asm", nullptr), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_emit: bytes is null");
  EXPECT_EQ(kiln_kernel_emit(kernel, "sm_1", "ptx", &bytes), KILN_INVALID_ARGUMENT);
  EXPECT_EQ(kiln_kernel_emit(kernel, "cpu", "ptx", &bytes), KILN_INVALID_ARGUMENT);

  kiln_launch_options options{
      .size = sizeof options, .device = cpu(), .stream = nullptr, .grid = {1, 1, 1}, .programmatic = 0};
  const void *arguments[5] = {};
  EXPECT_FAILURE(kiln_kernel_launch(nullptr, &options, arguments, 5), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_launch: kernel is null");
  EXPECT_FAILURE(kiln_kernel_launch(kernel, nullptr, arguments, 5), KILN_INVALID_ARGUMENT,
                 "kiln_kernel_launch: the structure is null");
  EXPECT_FAILURE(kiln_kernel_launch(kernel, &options, arguments, 4), KILN_INVALID_ARGUMENT,
                 "softmax_f32: there are 4 arguments, but the kernel has 5 parameters");
  EXPECT_FAILURE(kiln_kernel_launch(kernel, &options, arguments, 5), KILN_INVALID_ARGUMENT,
                 "softmax_f32: the pointer to argument 0 is null");
  kiln_kernel_release(kernel);
}

TEST(CApiError, NumbersOutOfRangeInTensorsOfTheHost) {
  DlArray<float> key({1, 2, 16}), value({1, 2, 16}), k({3, 8, 2, 16}), v({3, 8, 2, 16});
  DlArray<std::int64_t> slots({1});
  slots.values[0] = 24;
  const kiln_kv_cache_store_tensors t{.size = sizeof t,
                                      .device = nullptr,
                                      .key = key.get(),
                                      .value = value.get(),
                                      .slots = slots.get(),
                                      .key_cache = k.get(),
                                      .value_cache = v.get()};
  EXPECT_FAILURE(kiln_kv_cache_store_dlpack(&t, nullptr, nullptr), KILN_INVALID_ARGUMENT,
                 "kv_cache_store: slots[0] is 24, but the caches have 24 slots");
  DlArray<float> q({1, 4, 16}), out({1, 4, 16});
  DlArray<std::int32_t> table({1, 3}), lengths({1});
  lengths.values[0] = 25;
  kiln_paged_attention_decode_tensors d{};
  d.size = sizeof d;
  d.q = q.get(), d.key_cache = k.get(), d.value_cache = v.get(), d.table = table.get(), d.lengths = lengths.get();
  d.out = out.get();
  EXPECT_FAILURE(kiln_paged_attention_decode_dlpack(&d, nullptr, nullptr), KILN_INVALID_ARGUMENT,
                 "paged_attention: lengths[0] is 25, must be from 0 to max_pages * page_size, 24");
  kiln_paged_attention_decode_problem p{};
  p.size = sizeof p;
  EXPECT_EQ(kiln_paged_attention_decode_from_dlpack(&d, &p), KILN_OK) << "a conversion reads no elements";
}

// With checks on, a call with tensors knows their memory; one with addresses is told of it.
TEST(CApiError, ChecksKnowTheMemoryOfCalls) {
  debug::set_checks(true);
  DlArray<float> x({5, 7}, {8, 1}, 40), out({5, 7}, {8, 1}, 40);
  kiln_softmax_tensors t{.size = sizeof t, .device = nullptr, .in = x.get(), .out = out.get()};
  for (const char *device : {"cpu", "interpreter", "emulated:sm_90a"}) {
    ASSERT_EQ(kiln_device_find(device, &t.device), KILN_OK);
    EXPECT_EQ(kiln_softmax_dlpack(&t, nullptr, nullptr), KILN_OK) << device << ": " << kiln_last_error();
  }
  kiln_vector_add_problem p{.size = sizeof p,
                            .device = cpu(),
                            .dtype = KILN_F32,
                            .n = 40,
                            .x = x.values.data(),
                            .y = x.values.data(),
                            .out = out.values.data()};
  EXPECT_EQ(kiln_vector_add(&p, nullptr, nullptr), KILN_TRAP_ERROR) << "the tensors were those of other calls";
  EXPECT_EQ(kiln_register_buffer(p.x, 160, "x"), KILN_OK) << kiln_last_error();
  EXPECT_EQ(kiln_register_buffer(p.out, 160, "out"), KILN_OK) << kiln_last_error();
  EXPECT_EQ(kiln_vector_add(&p, nullptr, nullptr), KILN_OK) << kiln_last_error();
  p.n = 41;
  EXPECT_EQ(kiln_vector_add(&p, nullptr, nullptr), KILN_TRAP_ERROR);
  EXPECT_NE(std::string(kiln_last_error()).find("past the end of buffer '"), std::string::npos) << kiln_last_error();
  EXPECT_FAILURE(kiln_register_buffer(p.x, -1, "x"), KILN_INVALID_ARGUMENT,
                 "kiln_register_buffer: bytes is -1, must be at least 0");
  EXPECT_FAILURE(kiln_register_buffer(p.x, 4, nullptr), KILN_INVALID_ARGUMENT, "kiln_register_buffer: name is null");
  EXPECT_EQ(kiln_register_buffer(p.x, 4, "again"), KILN_INVALID_ARGUMENT);
  kiln_unregister_buffer(p.x);
  kiln_unregister_buffer(p.x);
  kiln_unregister_buffer(p.out);
  debug::set_checks(false);
}

// Memory of Kiln's is known to an emulated device, and does not make the tensors of a call unknown.
TEST(CApiError, TensorsBesideABufferOfAnEmulatedDevice) {
  DlArray<float> x({2, 4}), out({2, 4});
  kiln_softmax_tensors t{.size = sizeof t, .device = nullptr, .in = x.get(), .out = out.get()};
  ASSERT_EQ(kiln_device_find("emulated:sm_90a", &t.device), KILN_OK);
  kiln_buffer *buffer = nullptr;
  ASSERT_EQ(kiln_buffer_create(t.device, 1024, &buffer), KILN_OK) << kiln_last_error();
  EXPECT_EQ(kiln_softmax_dlpack(&t, nullptr, nullptr), KILN_OK) << kiln_last_error();
  EXPECT_FLOAT_EQ(out.values[7], 0.25F);
  x.tensor.data = kiln_buffer_data(buffer);
  EXPECT_EQ(kiln_softmax_dlpack(&t, nullptr, nullptr), KILN_OK) << kiln_last_error();
  kiln_buffer_release(buffer);
}

// A program that stops, seen through the C API: check mode finds an access outside the registered buffers.
TEST(CApiError, ATrap) {
  float x[8] = {}, out[8] = {};
  debug::set_checks(true);
  {
    const debug::Buffer in(x, sizeof x, "x");
    kiln_vector_add_problem p{.size = sizeof p, .device = cpu(), .dtype = KILN_F32, .n = 8, .x = x, .y = x, .out = out};
    EXPECT_EQ(kiln_vector_add(&p, nullptr, nullptr), KILN_TRAP_ERROR);
    EXPECT_NE(std::string(kiln_last_error()).find("vector_add_f32"), std::string::npos) << kiln_last_error();
  }
  debug::set_checks(false);
}

} // namespace
