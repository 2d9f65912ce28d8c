// Tensors of DLPack as problems of the library's kernels, and memory of Kiln's as such tensors.
#include "dl_array.h"
#include "message_of.h"

#include "lib/overlap.h"

#include "kiln/cuda.h"
#include "kiln/error.h"

#include <gtest/gtest.h>
#include <limits>

using namespace kiln;
using test::DlArray;

namespace {

template <class T, class Tensors>
std::string refusal(const Tensors &tensors) {
  return message_of<InvalidArgument>([&] { dlpack::to_problem<T>(tensors); });
}

/// Tensors of a step of decode: 2 sequences, 4 heads on 2.
struct Decode {
  DlArray<half> q{{2, 4, 16}}, k{{5, 8, 2, 16}}, v{{5, 8, 2, 16}}, out{{2, 4, 16}};
  DlArray<std::int32_t> table{{2, 3}}, lengths{{2}};
  DlArray<float> lse{{2, 4}};
  dlpack::PagedAttentionTensors tensors{q.get(), k.get(), v.get(), table.get(), lengths.get(), out.get()};
};

TEST(DLPack, ElementTypesGoThereAndBack) {
  for (DType dtype : {i1, i8, i16, i32, i64, f8e4m3, f8e5m2, f16, bf16, f32, f64}) {
    DLTensor tensor{};
    tensor.dtype = dlpack::to_dlpack(dtype);
    EXPECT_EQ(dlpack::dtype_of(tensor), dtype) << name_of(dtype);
    EXPECT_EQ(tensor.dtype.bits, 8 * size_of(dtype)) << name_of(dtype);
  }
}

TEST(DLPack, DecodeTakesShapesAndStrides) {
  Decode d;
  d.tensors.lse = d.lse.get();
  d.tensors.workspace = &d;
  d.tensors.workspace_size = 77;
  const auto p = dlpack::to_problem<half>(d.tensors);
  EXPECT_EQ(p.batch, 2);
  EXPECT_EQ(p.heads, 4);
  EXPECT_EQ(p.kv_heads, 2);
  EXPECT_EQ(p.head_dim, 16);
  EXPECT_EQ(p.page_size, 8);
  EXPECT_EQ(p.max_pages, 3);
  EXPECT_EQ(p.scale, 0.25F);
  EXPECT_EQ(p.q, d.q.values.data());
  EXPECT_EQ(p.table, d.table.values.data());
  EXPECT_EQ(p.lengths, d.lengths.values.data());
  EXPECT_EQ(p.lse, d.lse.values.data());
  EXPECT_EQ(p.workspace, &d);
  EXPECT_EQ(p.workspace_size, 77);
  auto dense = p;
  dense.set_dense_strides();
  EXPECT_EQ(p.q_stride.batch, dense.q_stride.batch);
  EXPECT_EQ(p.key_cache_stride.page, dense.key_cache_stride.page);
  EXPECT_EQ(p.value_cache_stride.token, dense.value_cache_stride.token);
  EXPECT_EQ(p.table_stride.batch, dense.table_stride.batch);
  EXPECT_EQ(p.lse_stride.batch, dense.lse_stride.batch);
  d.tensors.scale = 3;
  EXPECT_EQ(dlpack::to_problem<half>(d.tensors).scale, 3);
}

TEST(DLPack, AnOffsetInBytesIsAdded) {
  DlArray<float> x({4}), y({4}), out({2});
  x.tensor.byte_offset = 8;
  x.shape[0] = y.shape[0] = 2;
  EXPECT_EQ(dlpack::to_problem<float>(dlpack::VectorAddTensors{x.get(), y.get(), out.get()}).x, x.values.data() + 2);
}

// What such a stride says is nothing, and a kernel for rows without gaps can be used.
TEST(DLPack, StridesOfOneElementAreThoseWithoutGaps) {
  Decode d;
  DlArray<std::int32_t> table({2, 1}, {100, 7}, 200);
  d.tensors.table = table.get();
  EXPECT_EQ(dlpack::to_problem<half>(d.tensors).table_stride.entry, 1);
}

TEST(DLPack, RowsOfSeveralDimensions) {
  DlArray<float> in({2, 3, 4}, {30, 10, 1}, 60), out({2, 3, 4});
  const auto p = dlpack::to_problem<float>(dlpack::SoftmaxTensors{in.get(), out.get()});
  EXPECT_EQ(p.rows, 6);
  EXPECT_EQ(p.cols, 4);
  EXPECT_EQ(p.in_stride, 10);
  EXPECT_EQ(p.out_stride, 4);
  DlArray<float> vector({9}), result({9});
  EXPECT_EQ(dlpack::to_problem<float>(dlpack::SoftmaxTensors{vector.get(), result.get()}).rows, 1);
  DlArray<float> repeated({5, 4}, {0, 1}, 4), written({5, 4});
  EXPECT_EQ(dlpack::to_problem<float>(dlpack::SoftmaxTensors{repeated.get(), written.get()}).in_stride, 0);
  DlArray<float> one({1, 3, 4}, {999, 6, 1}, 18), one_out({1, 3, 4});
  EXPECT_EQ(dlpack::to_problem<float>(dlpack::SoftmaxTensors{one.get(), one_out.get()}).in_stride, 6);
  DlArray<float> none({0, 3, 4}, {5, 77, 1}, 0), none_out({0, 3, 4});
  EXPECT_EQ(dlpack::to_problem<float>(dlpack::SoftmaxTensors{none.get(), none_out.get()}).rows, 0);
}

TEST(DLPack, MatricesOfEitherOrder) {
  DlArray<half> a({3, 5}, {1, 3}, 15), b({5, 7}), out({3, 7});
  const auto p = dlpack::to_problem<half>(dlpack::MatmulTensors{a.get(), b.get(), out.get()});
  EXPECT_EQ(p.m, 3);
  EXPECT_EQ(p.n, 7);
  EXPECT_EQ(p.k, 5);
  EXPECT_EQ(p.a_stride.row, 1);
  EXPECT_EQ(p.a_stride.col, 3);
  EXPECT_EQ(p.b_stride.row, 7);
}

TEST(DLPack, StoreOfKeysAndValues) {
  DlArray<bfloat16> key({3, 2, 16}), value({3, 2, 16}), k({5, 8, 2, 16}), v({5, 8, 2, 16}, {512, 32, 16, 1}, 2560);
  DlArray<std::int64_t> slots({3});
  const auto p =
      dlpack::to_problem<bfloat16>(dlpack::KvCacheStoreTensors{key.get(), value.get(), slots.get(), k.get(), v.get()});
  EXPECT_EQ(p.tokens, 3);
  EXPECT_EQ(p.page_size, 8);
  EXPECT_EQ(p.key_cache_stride.page, 256);
  EXPECT_EQ(p.value_cache_stride.page, 512);
}

TEST(DLPack, RmsNormRuns) {
  DlArray<float> x({2, 4}), weight({4}), out({2, 4});
  x.values = {1, 1, 1, 1, 2, 2, 2, 2};
  weight.values = {1, 2, 3, 4};
  const auto p = dlpack::to_problem<float>(dlpack::RmsNormTensors{x.get(), weight.get(), out.get(), 0});
  const Device device = dlpack::device_of(x.tensor);
  kernels::rms_norm(p, kernels::default_config(p, device), {.device = device});
  for (int i = 0; i < 8; ++i)
    EXPECT_FLOAT_EQ(out.values[i], float(i % 4 + 1));
}

// Whatever strides a library gives an array of nothing.
TEST(DLPack, StridesOfArraysWithoutElementsSayNothing) {
  DlArray<half> q({0, 4, 16}, {0, 0, 0}, 0), out({0, 4, 16}, {0, 0, 0}, 0), k({5, 8, 2, 16}), v({5, 8, 2, 16});
  DlArray<std::int32_t> table({0, 3}, {0, 0}, 0), lengths({0}, {0}, 0);
  const auto p = dlpack::to_problem<half>(
      dlpack::PagedAttentionTensors{q.get(), k.get(), v.get(), table.get(), lengths.get(), out.get()});
  EXPECT_EQ(p.batch, 0);
  EXPECT_TRUE(kernels::default_config(p, Device::cpu()).packed);
  DlArray<half> key({0, 2, 16}, {7, 7, 7}, 0), value({0, 2, 16}, {7, 7, 7}, 0);
  DlArray<std::int64_t> slots({0}, {9}, 0);
  EXPECT_EQ(dlpack::to_problem<half>(dlpack::KvCacheStoreTensors{key.get(), value.get(), slots.get(), k.get(), v.get()})
                .tokens,
            0);
  DlArray<float> x({3, 0}, {0, 0}, 0), weight({0}, {0}, 0), result({3, 0}, {0, 0}, 0);
  EXPECT_EQ(dlpack::to_problem<float>(dlpack::RmsNormTensors{x.get(), weight.get(), result.get(), 0}).cols, 0);
}

// ---- What does not fit

TEST(DLPack, ATensorIsMissing) {
  DlArray<float> x({4});
  EXPECT_EQ(refusal<float>(dlpack::VectorAddTensors{x.get(), nullptr, x.get()}), "vector_add: y is missing");
  x.tensor.shape = nullptr;
  EXPECT_EQ(refusal<float>(dlpack::VectorAddTensors{x.get(), x.get(), x.get()}), "vector_add: x has no shape");
}

TEST(DLPack, ElementsThatNoKernelTakes) {
  DlArray<float> x({4});
  x.tensor.dtype = {kDLComplex, 64, 1};
  EXPECT_EQ(refusal<float>(dlpack::SoftmaxTensors{x.get(), x.get()}),
            "softmax: in has elements that no kernel takes: Kiln has no element type of DLPack code 5, 64 bits and 1 "
            "lanes");
}

TEST(DLPack, ElementsOfAnotherType) {
  Decode d;
  DlArray<std::int64_t> table({2, 3});
  d.tensors.table = table.get();
  EXPECT_EQ(refusal<half>(d.tensors),
            "paged_attention: table has elements of i64, must have i32; convert it before the call");
  EXPECT_EQ(refusal<float>(d.tensors),
            "paged_attention: q has elements of f16, must have f32; convert it before the call");
}

TEST(DLPack, AnotherNumberOfDimensions) {
  Decode d;
  DlArray<half> k({5, 8, 32});
  d.tensors.key_cache = k.get();
  EXPECT_EQ(refusal<half>(d.tensors),
            "paged_attention: key_cache has shape [5, 8, 32], must be [num_pages, page_size, kv_heads, head_dim]");
  DlArray<float> scalar({});
  EXPECT_EQ(refusal<float>(dlpack::SoftmaxTensors{scalar.get(), scalar.get()}),
            "softmax: in has no dimension, must be [..., cols]");
}

TEST(DLPack, MemoryOfAnotherDevice) {
  Decode d;
  d.lengths.tensor.device = {kDLCUDA, 1};
  EXPECT_EQ(refusal<half>(d.tensors), "paged_attention: lengths is in memory of CUDA device 1, but q in that of the "
                                      "host; move one of them");
  d.lengths.tensor.device = {DLDeviceType(7), 0};
  EXPECT_EQ(refusal<half>(d.tensors), "paged_attention: lengths is in memory of a device of DLPack type 7, but q in "
                                      "that of the host; move one of them");
  d.lengths.tensor.device = {kDLCUDAHost, 0}; // pinned
  EXPECT_EQ(refusal<half>(d.tensors), "no error");
}

TEST(DLPack, SizesThatDiffer) {
  Decode d;
  DlArray<std::int32_t> table({3, 3});
  auto tensors = d.tensors;
  tensors.table = table.get();
  EXPECT_EQ(refusal<half>(tensors), "paged_attention: table has 3 rows, but q has 2");
  DlArray<half> v({5, 4, 2, 16});
  tensors = d.tensors;
  tensors.value_cache = v.get();
  EXPECT_EQ(refusal<half>(tensors),
            "paged_attention: value_cache has shape [5, 4, 2, 16], but key_cache has [5, 8, 2, 16]");
  DlArray<float> lse({2, 3});
  tensors = d.tensors;
  tensors.lse = lse.get();
  EXPECT_EQ(refusal<half>(tensors), "paged_attention: lse has 3 columns, but q has 4");
  DlArray<half> a({3, 5}), b({4, 7}), out({3, 7});
  EXPECT_EQ(refusal<half>(dlpack::MatmulTensors{a.get(), b.get(), out.get()}), "matmul: b has 4 rows, but a has 5");
  DlArray<half> x({2, 4}), weight({3});
  EXPECT_EQ(refusal<half>(dlpack::RmsNormTensors{x.get(), weight.get(), x.get()}),
            "rms_norm: weight has 3 elements, but x has 4");
}

TEST(DLPack, StridesThatNoKernelTakes) {
  DlArray<float> x({2, 3}, {6, 2}, 12), y({2, 3}), three({2, 3, 4}, {13, 4, 1}, 30), dense({2, 3, 4});
  EXPECT_EQ(refusal<float>(dlpack::SoftmaxTensors{x.get(), y.get()}),
            "softmax: in has a stride of 2 along dimension 1, must be 1; make it contiguous before the call");
  EXPECT_EQ(refusal<float>(dlpack::VectorAddTensors{y.get(), y.get(), x.get()}),
            "vector_add: out has gaps: its stride along dimension 1 is 2, not 1; make it contiguous before the call");
  EXPECT_EQ(refusal<float>(dlpack::SoftmaxTensors{dense.get(), three.get()}),
            "softmax: out has rows at more than one distance: its stride along dimension 0 is 13, not 12; make it "
            "contiguous before the call");
}

TEST(DLPack, DevicesThatRunNoKernels) {
  DLTensor tensor{};
  tensor.device = {DLDeviceType(10), 0};
  EXPECT_EQ(message_of<InvalidArgument>([&] { dlpack::device_of(tensor); }),
            "a tensor is in memory of a device of DLPack type 10; kernels run on memory of the host (1, 3) and of CUDA "
            "devices (2, 13): copy it there");
  tensor.device = {kDLCUDA, 12345};
  EXPECT_NE(message_of<DeviceError>([&] { dlpack::device_of(tensor); }).find("Device::cuda(12345): "),
            std::string::npos);
}

TEST(DLPack, ManagedTensorsThatCannotBeRead) {
  DLManagedTensorVersioned managed{};
  managed.version = {1, 3};
  EXPECT_EQ(&dlpack::view(&managed, true), &managed.dl_tensor);
  managed.flags = DLPACK_FLAG_BITMASK_READ_ONLY;
  EXPECT_EQ(&dlpack::view(&managed, false), &managed.dl_tensor);
  const auto refusal = [](const DLManagedTensorVersioned *tensor) {
    return message_of<InvalidArgument>([&] { dlpack::view(tensor, true); });
  };
  EXPECT_EQ(refusal(&managed), "a tensor that the kernel writes is read-only; pass a copy that can be written");
  managed.version = {2, 0};
  EXPECT_EQ(refusal(&managed),
            "a tensor is of DLPack 2.0, and Kiln knows version 1; ask its library for max_version=(1, 0)");
  EXPECT_EQ(refusal(nullptr), "a tensor of DLPack is missing");
}

// ---- Out

TEST(DLPack, TheTensorOwnsAShareOfItsBuffer) {
  auto buffer = std::make_shared<DeviceBuffer>(Device::cpu(), 64);
  const std::weak_ptr<DeviceBuffer> watched = buffer;
  void *const data = buffer->data();
  const std::int64_t shape[] = {2, 3}, strides[] = {4, 1};
  DLManagedTensorVersioned *tensor =
      dlpack::to_dlpack(buffer, {.dtype = f16, .shape = shape, .strides = strides, .byte_offset = 32});
  DLManagedTensor *plain = dlpack::to_dlpack_unversioned(std::move(buffer), {.dtype = f32, .shape = shape});
  EXPECT_EQ(tensor->version.major, 1U);
  EXPECT_EQ(tensor->flags, 0U);
  const DLTensor &t = dlpack::view(tensor, true);
  EXPECT_EQ(t.data, data);
  EXPECT_EQ(t.byte_offset, 32U);
  EXPECT_EQ(t.device.device_type, kDLCPU);
  EXPECT_EQ(t.ndim, 2);
  EXPECT_EQ(t.shape[1], 3);
  EXPECT_EQ(t.strides[0], 4);
  EXPECT_EQ(dlpack::dtype_of(t), f16);
  EXPECT_EQ(plain->dl_tensor.strides[0], 3);
  tensor->deleter(tensor);
  EXPECT_FALSE(watched.expired());
  plain->deleter(plain);
  EXPECT_TRUE(watched.expired());
}

TEST(DLPack, MemoryOfEmulatedDevicesIsTheHosts) {
  auto buffer = std::make_shared<DeviceBuffer>(Device::emulated("sm_90a"), 16);
  const std::int64_t shape[] = {4};
  DLManagedTensorVersioned *tensor = dlpack::to_dlpack(buffer, {.dtype = f32, .shape = shape});
  EXPECT_EQ(dlpack::device_of(tensor->dl_tensor), Device::cpu());
  tensor->deleter(tensor);
}

TEST(DLPack, ArraysOutsideTheirBuffer) {
  auto buffer = std::make_shared<DeviceBuffer>(Device::cpu(), 24);
  const auto refusal = [&](const dlpack::Array &array) {
    return message_of<InvalidArgument>([&] {
      DLManagedTensorVersioned *tensor = dlpack::to_dlpack(buffer, array);
      tensor->deleter(tensor);
    });
  };
  const std::int64_t shape[] = {2, 3}, one[] = {1}, negative[] = {-1, 1}, far[] = {4, 1}, huge[] = {1LL << 62, 8};
  EXPECT_EQ(refusal({.dtype = f32, .shape = shape}), "no error");
  EXPECT_EQ(refusal({.dtype = f64, .shape = shape}), "to_dlpack: the array ends behind its buffer of 24 bytes");
  EXPECT_EQ(refusal({.dtype = f32, .shape = shape, .strides = far}),
            "to_dlpack: the array ends behind its buffer of 24 bytes");
  EXPECT_EQ(refusal({.dtype = f32, .shape = shape, .byte_offset = 4}),
            "to_dlpack: the array ends behind its buffer of 24 bytes");
  EXPECT_EQ(refusal({.dtype = f32, .shape = huge, .strides = one}), "to_dlpack: there are 1 strides, but 2 dimensions");
  EXPECT_EQ(refusal({.dtype = f32, .shape = huge, .strides = far}),
            "to_dlpack: the array ends behind its buffer of 24 bytes");
  // Sums and products that no integer holds.
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const std::vector<std::int64_t> wide(1, most), high(16, most);
  EXPECT_EQ(refusal({.dtype = f64, .shape = wide, .strides = wide}),
            "to_dlpack: the array ends behind its buffer of 24 bytes");
  EXPECT_EQ(refusal({.dtype = f32, .shape = high, .strides = high}),
            "to_dlpack: the array ends behind its buffer of 24 bytes");
  EXPECT_EQ(refusal({.dtype = f32, .shape = high}), "to_dlpack: the array ends behind its buffer of 24 bytes");
  EXPECT_EQ(refusal({.dtype = f32, .shape = shape, .strides = negative}),
            "to_dlpack: a stride is -1, must be at least 0");
  EXPECT_EQ(refusal({.dtype = f32, .shape = negative}), "to_dlpack: a dimension is -1, must be at least 0");
  EXPECT_EQ(refusal({.dtype = f32, .byte_offset = -1}), "to_dlpack: byte_offset is -1, must be at least 0");
  buffer.reset();
  EXPECT_EQ(refusal({.dtype = f32, .shape = shape}), "to_dlpack: the buffer is null");
}

// ---- What elements say, of tensors of the host's

template <class Tensors>
std::string contents_refusal(const Tensors &tensors) {
  return message_of<InvalidArgument>([&] { dlpack::check_contents(tensors); });
}

TEST(DLPack, LengthsAndPagesMustLieInTheirTensors) {
  Decode d;
  d.lengths.values = {24, 0};
  d.table.values = {4, 0, 2, -1, 5, 1 << 30}; // the second sequence uses none
  EXPECT_EQ(contents_refusal(d.tensors), "no error");
  d.lengths.values[1] = 25;
  EXPECT_EQ(contents_refusal(d.tensors),
            "paged_attention: lengths[1] is 25, must be from 0 to max_pages * page_size, 24");
  d.lengths.values[1] = -1;
  EXPECT_EQ(contents_refusal(d.tensors),
            "paged_attention: lengths[1] is -1, must be from 0 to max_pages * page_size, 24");
  d.lengths.values[1] = 1;
  EXPECT_EQ(contents_refusal(d.tensors), "paged_attention: table[1, 0] is -1, but the caches have 5 pages");
  d.table.values[3] = 0;
  EXPECT_EQ(contents_refusal(d.tensors), "no error");
  d.lengths.values[1] = 9;
  EXPECT_EQ(contents_refusal(d.tensors), "paged_attention: table[1, 1] is 5, but the caches have 5 pages");
}

TEST(DLPack, EntriesAreReadByTheirStrides) {
  Decode d;
  DlArray<std::int32_t> table({2, 3}, {1, 2}, 6), lengths({2});
  d.tensors.table = table.get();
  d.tensors.lengths = lengths.get();
  lengths.values = {24, 8};
  table.values = {0, 1, 2, 99, 3, 99};
  EXPECT_EQ(contents_refusal(d.tensors), "no error");
  lengths.values[1] = 17;
  EXPECT_EQ(contents_refusal(d.tensors), "paged_attention: table[1, 1] is 99, but the caches have 5 pages");
}

TEST(DLPack, SlotsMustLieInTheCaches) {
  DlArray<float> key({3, 2, 16}), value({3, 2, 16}), k({5, 8, 2, 16}), v({5, 8, 2, 16});
  DlArray<std::int64_t> slots({3});
  const dlpack::KvCacheStoreTensors tensors{key.get(), value.get(), slots.get(), k.get(), v.get()};
  slots.values = {39, -7, 0};
  EXPECT_EQ(contents_refusal(tensors), "no error");
  slots.values[2] = 40;
  EXPECT_EQ(contents_refusal(tensors), "kv_cache_store: slots[2] is 40, but the caches have 40 slots");
  slots.tensor.device = {kDLCUDA, 0};
  EXPECT_EQ(contents_refusal(tensors), "no error") << "memory of a GPU is not read";
}

// ---- Arrays that share memory

using kernels::StridedArray;

TEST(DLPack, ArraysInEachOthersGapsDoNotOverlap) {
  float memory[256];
  const auto at = [&](int offset) { return StridedArray(memory + offset, {{4, 40}, {2, 10}, {5, 1}}); };
  EXPECT_TRUE(at(0).overlaps(at(0)));
  EXPECT_TRUE(at(0).overlaps(at(4)));
  EXPECT_FALSE(at(0).overlaps(at(5))) << "behind each row";
  EXPECT_TRUE(at(0).overlaps(at(10))) << "its first rows are the other's second ones";
  EXPECT_TRUE(at(10).overlaps(at(0)));
  EXPECT_TRUE(at(0).overlaps(at(6)));
  EXPECT_FALSE(at(0).overlaps(at(20)));
  EXPECT_TRUE(at(0).overlaps(at(40)));
  EXPECT_TRUE(at(120).overlaps(at(0)));
  EXPECT_FALSE(at(160).overlaps(at(0)));
  EXPECT_FALSE(at(0).overlaps(StridedArray(memory, {{0, 1}, {5, 1}})));
  EXPECT_FALSE(at(0).overlaps(StridedArray(memory + 5, {{4, 40}, {2, 10}, {4, 1}}))) << "what is not alike may fit too";
  EXPECT_TRUE(StridedArray(memory + 3, {{4, -1}}).overlaps(StridedArray(memory, {{1, 1}})));
  EXPECT_FALSE(StridedArray(memory + 4, {{4, -1}}).overlaps(StridedArray(memory, {{1, 1}})));
  EXPECT_TRUE(StridedArray(memory + 6, {{4, -1}}).overlaps(StridedArray(memory, {{4, 1}})));
  EXPECT_FALSE(StridedArray(memory + 7, {{4, -1}}).overlaps(StridedArray(memory, {{4, 1}})));
  EXPECT_FALSE(at(0).overlaps(StridedArray(memory, {{4, INT64_MAX / 8}}))) << "no memory is that large";
}

TEST(DLPack, ProblemsWhoseArraysOverlapAreRefused) {
  DlArray<float> q({1, 4, 16}), k({3, 8, 2, 16}), v({3, 8, 2, 16});
  DlArray<std::int32_t> table({1, 3}), lengths({1});
  const auto decode = dlpack::to_problem<float>(
      dlpack::PagedAttentionTensors{q.get(), k.get(), k.get(), table.get(), lengths.get(), q.get()});
  EXPECT_EQ(message_of<InvalidArgument>([&] { kernels::paged_attention(decode, {.device = Device::cpu()}); }),
            "paged_attention: out overlaps q");
  DlArray<float> key({1, 2, 16});
  DlArray<std::int64_t> slots({1});
  const auto store =
      dlpack::to_problem<float>(dlpack::KvCacheStoreTensors{key.get(), key.get(), slots.get(), k.get(), k.get()});
  EXPECT_EQ(message_of<InvalidArgument>(
                [&] { kernels::kv_cache_store(store, kernels::default_config(store), {.device = Device::cpu()}); }),
            "kv_cache_store: key_cache overlaps value_cache");
  // K and V of one allocation, in turns.
  DlArray<float> both({3, 8, 2, 16}, {512, 32, 16, 1}, 1536), second({3, 8, 2, 16}, {512, 32, 16, 1}, 0);
  second.tensor.data = both.values.data() + 256;
  const auto turns = dlpack::to_problem<float>(
      dlpack::KvCacheStoreTensors{key.get(), key.get(), slots.get(), both.get(), second.get()});
  EXPECT_EQ(message_of<InvalidArgument>(
                [&] { kernels::kv_cache_store(turns, kernels::default_config(turns), {.device = Device::cpu()}); }),
            "no error");
}

} // namespace
