#include "benchmark/cuda_decode.h"

#include "benchmark/cuda_decode_source.h"

#include "kiln/cuda.h"
#include "kiln/runtime/cuda_compiler.h"

#include <algorithm>
#include <array>
#include <map>

namespace kiln::bench {
namespace {

// As cuda_decode_source.h has it.
int heads_of_block(int group) { return std::min(group, 8); }

runtime::KernelImage image_of(Device device, const std::vector<std::uint8_t> &cubin, const char *name, int threads) {
  runtime::KernelImage image;
  image.name = name;
  image.config = "{}";
  image.arch = cuda::properties(device).arch;
  image.num_warps = std::uint32_t(threads + 31) / 32;
  image.threads = std::uint32_t(threads);
  image.cubin = cubin;
  return image;
}

} // namespace

std::string cuda_decode_name() { return "cuda-c++-" + runtime::nvrtc_version(); }

bool cuda_decode_fits(int head_dim, int group, int warps) {
  return std::size_t(warps) * std::size_t(heads_of_block(group)) * std::size_t(head_dim + 2) * sizeof(float) <=
         48 * 1024;
}

std::vector<std::uint8_t> compile_cuda_decode(const std::string &arch, int head_dim, int group, int page_size,
                                              bool bf16, int warps) {
  static std::map<std::pair<std::string, std::array<int, 5>>, std::vector<std::uint8_t>> compiled;
  std::vector<std::uint8_t> &cubin = compiled[{arch, {head_dim, group, page_size, int(bf16), warps}}];
  if (cubin.empty())
    cubin = runtime::compile_cuda_binary(
        cuda_decode_source, "decode.cu", arch,
        {.options = {"--std=c++17", "--use_fast_math", "-DHEAD_DIM=" + std::to_string(head_dim),
                     "-DGROUP=" + std::to_string(group), "-DPAGE=" + std::to_string(page_size),
                     "-DBF16=" + std::to_string(int(bf16)), "-DWARPS=" + std::to_string(warps)}});
  return cubin;
}

template <class T>
CudaDecode<T>::CudaDecode(Device device, const kernels::PagedAttention<T> &shape, int warps) : device_(device) {
  const std::vector<std::uint8_t> cubin =
      compile_cuda_decode(cuda::properties(device).arch, int(shape.head_dim), int(shape.heads / shape.kv_heads),
                          int(shape.page_size), std::is_same_v<T, bfloat16>, warps);
  part_.emplace(image_of(device, cubin, "decode_part", warps * 32), device);
  merge_.emplace(image_of(device, cubin, "decode_merge", int(shape.head_dim / 2)), device);
}

template <class T>
void CudaDecode<T>::reserve(const kernels::PagedAttention<T> &p, int parts) {
  parts_ = parts;
  const std::size_t rows = parts == 1 ? 0 : std::size_t(p.batch * p.heads) * std::size_t(parts);
  sums_ = DeviceBuffer(device_, rows * 2 * sizeof(float));
  values_ = DeviceBuffer(device_, rows * std::size_t(p.head_dim) * sizeof(float));
}

template <class T>
void CudaDecode<T>::launch(const kernels::PagedAttention<T> &p, void *stream) const {
  const int group = int(p.heads / p.kv_heads), tiles = (group + heads_of_block(group) - 1) / heads_of_block(group);
  const int kv_heads = int(p.kv_heads), max_pages = int(p.max_pages);
  const float scale_log2e = p.scale * 1.44269504F;
  void *const sums = sums_.data(), *const values = values_.data();
  const void *const part_arguments[] = {&p.q,  &p.key_cache, &p.value_cache, &p.table,   &p.lengths,  &p.out,
                                        &sums, &values,      &kv_heads,      &max_pages, &scale_log2e};
  part_->launch({unsigned(kv_heads * tiles), unsigned(p.batch), unsigned(parts_)}, stream, part_arguments);
  if (parts_ == 1)
    return;
  const void *const merge_arguments[] = {&sums, &values, &p.out, &parts_};
  merge_->launch({unsigned(p.batch * p.heads), 1, 1}, stream, merge_arguments);
}

template class CudaDecode<half>;
template class CudaDecode<bfloat16>;

} // namespace kiln::bench
