// Lesson 9: kernels without a compiler.
//
// A service that starts often, or may not hold a compiler, has its kernels compiled ahead of time:
//
//     kiln-compile --pack kernels.kpack --target sm_80,sm_90a vector_add_f32 paged_attention_decode_f16
//     09_pack kernels.kpack
//
// This program links libkiln_runtime.so and nothing else of Kiln: there is no LLVM in its process, and the first launch
// comes about a millisecond after the pack was opened. Everything that is launched is checked.
#include <kiln/cuda.h>
#include <kiln/device_memory.h>
#include <kiln/error.h>
#include <kiln/pack.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace {

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

/// The same values on every machine.
float value(std::size_t i) { return float(i * 2654435761u % 2001) / 1000.0F - 1.0F; }

template <class T>
kiln::DeviceBuffer on_device(kiln::Device device, const std::vector<T> &host) {
  kiln::DeviceBuffer buffer(device, host.size() * sizeof(T));
  buffer.copy_from_host(host.data(), buffer.bytes());
  return buffer;
}

template <class T>
std::vector<T> on_host(const kiln::DeviceBuffer &buffer) {
  std::vector<T> host(buffer.bytes() / sizeof(T));
  buffer.copy_to_host(host.data(), buffer.bytes());
  return host;
}

/// A decode step of paged attention: 4 sequences, 8 query heads on 2 K/V heads of 128 elements, pages of 16 tokens.
struct Decode {
  static constexpr int batch = 4, heads = 8, kv_heads = 2, head_dim = 128, page = 16, max_pages = 40;
  static constexpr std::int64_t head_stride = head_dim, token_stride = kv_heads * head_dim,
                                page_stride = page * token_stride, batch_stride = heads * head_dim;
  std::vector<std::int32_t> lengths{1, 37, 200, 640}, table = std::vector<std::int32_t>(batch * max_pages);
  std::vector<kiln::half> q, keys, values;

  Decode() {
    for (int i = 0; i < batch * max_pages; ++i)
      table[i] = i * 67 % (batch * max_pages); // pages lie anywhere
    const std::size_t cache = batch * max_pages * page_stride;
    for (std::size_t i = 0; i < batch * batch_stride; ++i)
      q.emplace_back(value(i));
    for (std::size_t i = 0; i < cache; ++i) {
      keys.emplace_back(value(3 * i + 1));
      values.emplace_back(value(7 * i + 2));
    }
  }

  /// The definition, in double precision.
  std::vector<double> reference() const {
    std::vector<double> out(batch * batch_stride), weights;
    for (int b = 0; b < batch; ++b)
      for (int h = 0; h < heads; ++h) {
        const std::int64_t at = b * batch_stride + h * head_stride;
        const auto row = [&](int token) {
          return table[b * max_pages + token / page] * page_stride + token % page * token_stride +
                 h / (heads / kv_heads) * head_stride;
        };
        double sum = 0;
        weights.clear();
        for (int i = 0; i < lengths[b]; ++i) {
          double score = 0;
          for (int d = 0; d < head_dim; ++d)
            score += double(float(q[at + d])) * double(float(keys[row(i) + d]));
          weights.push_back(std::exp(score / std::sqrt(double(head_dim))));
          sum += weights.back();
        }
        for (int i = 0; i < lengths[b]; ++i)
          for (int d = 0; d < head_dim; ++d)
            out[at + d] += weights[i] / sum * double(float(values[row(i) + d]));
      }
    return out;
  }
};

/// The larger one; a NaN if there is one.
double larger(double a, double b) { return a > b || std::isnan(a) ? a : b; }

bool report(const char *what, double error, double bound) {
  std::printf("%s: largest error %.2g%s\n", what, error, error <= bound ? "" : ", WRONG");
  return error <= bound;
}

bool run_decode(const std::string &path, kiln::Device device) {
  const Decode problem;
  const kiln::DeviceBuffer q = on_device(device, problem.q), keys = on_device(device, problem.keys),
                           values = on_device(device, problem.values), table = on_device(device, problem.table),
                           lengths = on_device(device, problem.lengths), out = on_device(device, problem.q);
  kiln::synchronize(device); // the driver and its context are there

  const auto start = std::chrono::steady_clock::now();
  const kiln::Pack pack(path); // reads the index
  const double opened = milliseconds_since(start);
  // The config's members have the names that they have in C++; those that are left out are whatever is in the pack.
  const kiln::PackedKernel decode =
      pack.find("paged_attention_decode_f16", "head_dim=128 group=4 page_size=16", device);
  // Arguments are checked against the types that the kernel declares: swap two of them and this throws.
  const auto launch = [&] {
    decode.launch({.grid = {Decode::kv_heads, Decode::batch}}, lengths.as<std::int32_t>(), std::int32_t(Decode::batch),
                  std::int32_t(Decode::max_pages), keys.as<kiln::half>(), values.as<kiln::half>(), Decode::token_stride,
                  Decode::head_stride, table.as<std::int32_t>(), std::int64_t(Decode::max_pages), std::int64_t(1),
                  std::int64_t(1) << 30, Decode::page_stride, q.as<kiln::half>(), Decode::batch_stride,
                  Decode::head_stride, float(1.4426950408889634 / std::sqrt(double(Decode::head_dim))),
                  std::int32_t(Decode::kv_heads), std::int32_t(1), static_cast<std::int32_t *>(nullptr),
                  static_cast<float *>(nullptr), out.as<kiln::half>(), Decode::batch_stride, Decode::head_stride,
                  static_cast<float *>(nullptr), std::int64_t(0), std::int64_t(0), std::int64_t(1), std::int64_t(1),
                  Decode::page_stride, Decode::token_stride, Decode::head_stride, std::int64_t(1), std::int64_t(1));
  };
  launch(); // reads the code, checks it, and loads it onto the device
  const double launched = milliseconds_since(start);
  kiln::synchronize(device);
  const double ended = milliseconds_since(start);
  std::printf("pack to first launch %.3f ms (opening it %.3f ms), to its end %.3f ms\n", launched, opened, ended);
  const auto again = std::chrono::steady_clock::now();
  constexpr int launches = 1000;
  for (int i = 0; i < launches; ++i)
    launch();
  std::printf("a launch then takes %.2f us of the processor\n", 1000 * milliseconds_since(again) / launches);

  double error = 0;
  const std::vector<double> expected = problem.reference();
  const std::vector<kiln::half> got = on_host<kiln::half>(out);
  for (std::size_t i = 0; i < got.size(); ++i)
    error = larger(error, std::fabs(double(float(got[i])) - expected[i]));
  return report("decode", error, 2e-3);
}

/// Twice: with aligned pointers, and with some that only the generic variant may be given.
bool run_vector_add(const kiln::Pack &pack, kiln::Device device) {
  constexpr std::int64_t n = 100000, block = 1024;
  std::vector<float> x(n + 1), y(n + 1);
  for (std::int64_t i = 0; i <= n; ++i) {
    x[i] = value(i);
    y[i] = value(2 * i + 1);
  }
  const kiln::DeviceBuffer in_x = on_device(device, x), in_y = on_device(device, y), out = on_device(device, x);
  const kiln::PackedKernel add = pack.find("vector_add_f32", "block=1024", device);
  double error = 0;
  for (std::int64_t from : {0, 1}) {
    add.launch({.grid = (n + block - 1) / block}, in_x.as<float>() + from, in_y.as<float>() + from,
               out.as<float>() + from, n);
    const std::vector<float> got = on_host<float>(out);
    for (std::int64_t i = from; i < n; ++i)
      error = larger(error, std::fabs(double(got[i]) - double(x[i] + y[i])));
  }
  return report("vector add", error, 0);
}

/// Whether a library of that name is in this process.
bool is_loaded(const char *library) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find(library) != line.npos)
      return true;
  return false;
}

int run(const std::string &path) {
  const kiln::Pack pack(path);
  for (const kiln::PackEntry &entry : pack.entries())
    std::printf("%s for %s with %s\n", entry.name.c_str(), entry.arch.c_str(), entry.config.c_str());
  if (kiln::cuda::device_count() == 0) {
    std::printf("nothing to launch them on: %s\n", kiln::cuda::unavailable_reason().c_str());
    return 0;
  }
  const kiln::Device device = kiln::Device::cuda();
  bool good = run_decode(path, device);
  good = run_vector_add(pack, device) && good;
  for (const char *library : {"LLVM", "MLIR", "libkiln.so"})
    if (is_loaded(library)) {
      std::printf("%s is in this process\n", library);
      good = false;
    }
  return good ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FILE, a pack that kiln-compile has made; see the top of 09_pack.cpp\n", argv[0]);
    return 2;
  }
  try {
    return run(argv[1]);
  } catch (const kiln::Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
