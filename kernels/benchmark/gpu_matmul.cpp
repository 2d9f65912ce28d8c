#include "benchmark/gpu_matmul.h"

#include "benchmark/gpu_timing.h"
#include "benchmark/largest_error.h"

#include "kiln/config.h"
#include "kiln/kernels/matmul.h"
#include "kiln/kernels/registry.h"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <thread>

namespace kiln::bench {
namespace {

/// What an element may be off, in parts of its size and a tenth of the usual size: a rounding of bf16 is half of it.
constexpr double allowed_error = 4e-3;
constexpr int checked_elements = 4096;
constexpr std::array<std::string_view, 4> decided_fields = {"a_layout", "b_layout", "whole_out", "whole_k"};

template <class T>
std::vector<T> random_elements(std::int64_t size, std::uint64_t from) {
  std::vector<T> values(size);
  for (std::int64_t i = 0; i < size; ++i)
    values[i] = T(kernels::random_number(from + i));
  return values;
}

template <class T>
class MatmulSets {
public:
  MatmulSets(Device device, const MatmulOptions &options)
      : device_(device), a_(random_elements<T>(options.m * options.k, 0)),
        b_(random_elements<T>(options.k * options.n, options.m * options.k)) {
    problem_.m = options.m;
    problem_.n = options.n;
    problem_.k = options.k;
    problem_.a_stride = strides(options.m, options.k, options.a_column_major);
    problem_.b_stride = strides(options.k, options.n, options.b_column_major);
    problem_.out_stride = strides(options.m, options.n, false);
    const std::int64_t out_size = options.m * options.n;
    const std::int64_t bytes = std::int64_t(sizeof(T)) * (std::int64_t(a_.size() + b_.size()) + out_size);
    for (int i = sets_to_rotate(bytes); i > 0; --i) {
      Set &set =
          sets_.emplace_back(DeviceBuffer(device, a_.size() * sizeof(T)), DeviceBuffer(device, b_.size() * sizeof(T)),
                             DeviceBuffer(device, out_size * sizeof(T)));
      set.a.copy_from_host(a_.data(), set.a.bytes());
      set.b.copy_from_host(b_.data(), set.b.bytes());
    }
    expect();
  }

  int sets() const { return int(sets_.size()); }

  kernels::Matmul<T> problem(int set) const {
    kernels::Matmul<T> p = problem_;
    p.a = sets_[set].a.template as<T>();
    p.b = sets_[set].b.template as<T>();
    p.out = sets_[set].out.template as<T>();
    return p;
  }
  void launch(const kernels::MatmulConfig &config, int set, void *stream) const {
    kernels::matmul(problem(set), config, {.device = device_, .stream = stream});
  }
  /// The largest error of the sampled elements after a launch; NaN where it left one.
  double error(const kernels::MatmulConfig &config) {
    sets_[0].out.fill(0xff); // NaN
    launch(config, 0, nullptr);
    synchronize(device_);
    LargestError error;
    for (const auto &[index, expected] : samples_) {
      T found;
      sets_[0].out.copy_to_host(&found, sizeof(T), index * sizeof(T));
      error.add(std::abs(double(float(found)) - expected) / (std::abs(expected) + 0.1 * std::sqrt(double(problem_.k))));
    }
    return error.value();
  }

private:
  struct Set {
    DeviceBuffer a, b, out;
  };

  static kernels::MatrixStrides strides(std::int64_t rows, std::int64_t cols, bool column_major) {
    return column_major ? kernels::MatrixStrides{1, rows} : kernels::MatrixStrides{cols, 1};
  }

  /// The sampled elements of the result: the last one, and others anywhere.
  void expect() {
    for (int i = 0; i < checked_elements; ++i) {
      const std::int64_t size = problem_.m * problem_.n;
      const std::int64_t index = i == 0 ? size - 1 : std::int64_t(kernels::splitmix64(i) % std::uint64_t(size));
      const std::int64_t row = index / problem_.n, column = index % problem_.n;
      double sum = 0;
      for (std::int64_t l = 0; l < problem_.k; ++l)
        sum += double(float(a_[row * problem_.a_stride.row + l * problem_.a_stride.col])) *
               double(float(b_[l * problem_.b_stride.row + column * problem_.b_stride.col]));
      samples_.emplace_back(index, sum);
    }
  }

  Device device_;
  std::vector<T> a_, b_;
  kernels::Matmul<T> problem_;
  std::vector<Set> sets_;
  std::vector<std::pair<std::int64_t, double>> samples_;
};

/// Compiles the configs on all processors, by launching them; what fails here fails again where it is reported.
template <class T>
void compile_all(Device device, const MatmulSets<T> &sets, const std::vector<kernels::MatmulConfig> &configs) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < std::min<std::size_t>(std::thread::hardware_concurrency(), configs.size()); ++i)
    threads.emplace_back([&] {
      for (std::size_t at; (at = next++) < configs.size();)
        try {
          sets.launch(configs[at], 0, nullptr);
          synchronize(device);
        } catch (const Error &) {
        }
    });
}

template <class T>
void measure(Device device, const MatmulOptions &options) {
  MatmulSets<T> sets(device, options);
  const AnyKernel &kernel = kernels::find_kernel(options.half ? "matmul_f16" : "matmul_bf16");
  const double operations = 2.0 * double(options.m) * double(options.n) * double(options.k);
  const auto print = [&](double us, double error, const kernels::MatmulConfig &config) {
    std::printf("kiln,%s,%s,%lld,%lld,%lld,%s,%s,%.1f,%.1f,%.1e,%s%s\n", where_and_when(device).c_str(),
                options.half ? "fp16" : "bf16", static_cast<long long>(options.m), static_cast<long long>(options.n),
                static_cast<long long>(options.k), options.a_column_major ? "column" : "row",
                options.b_column_major ? "column" : "row", us, operations / us * 1e-6, error,
                tiles_text(kernel, config, decided_fields).c_str(), error < allowed_error ? "" : " WRONG");
    std::fflush(stdout);
  };
  const auto time = [&](const kernels::MatmulConfig &config, int repeats) {
    return graph_us(device, sets.sets(), repeats, [&](int set, void *stream) { sets.launch(config, set, stream); });
  };

  const auto configs = changed(kernels::default_config(sets.problem(0), device), kernel, options.changes);
  compile_all(device, sets, configs);
  const kernels::MatmulConfig *best = nullptr;
  double best_us = INFINITY, best_error = NAN;
  for (const kernels::MatmulConfig &config : configs) {
    try {
      const double error = sets.error(config);
      if (!(error < allowed_error)) {
        print(NAN, error, config);
        continue;
      }
      const double us = time(config, configs.size() > 1 ? search_repeats : final_repeats);
      if (options.every_config)
        print(us, error, config);
      if (us < best_us) {
        best_us = us;
        best_error = error;
        best = &config;
      }
    } catch (const Error &error) {
      std::fprintf(stderr, "not run: %s: %s\n", tiles_text(kernel, config, decided_fields).c_str(), error.what());
    }
  }
  if (best && !options.every_config)
    print(configs.size() > 1 ? time(*best, final_repeats) : best_us, best_error, *best);
}

} // namespace

bool MatmulOptions::take(ToolArguments &arguments) {
  const std::string_view option = arguments.text();
  if (option == "--m")
    m = whole_number(arguments.value("a number"), "--m");
  else if (option == "--n")
    n = whole_number(arguments.value("a number"), "--n");
  else if (option == "--k")
    k = whole_number(arguments.value("a number"), "--k");
  else if (option == "--set")
    changes.push_back(parse_change(arguments.value("FIELD=VALUE[,VALUE...]")));
  else if (arguments.is_flag("--fp16"))
    half = true;
  else if (arguments.is_flag("--a-column-major"))
    a_column_major = true;
  else if (arguments.is_flag("--b-column-major"))
    b_column_major = true;
  else if (arguments.is_flag("--every-config"))
    every_config = true;
  else
    return false;
  return true;
}

std::string_view MatmulOptions::usage() {
  return "matmul takes [--m N] [--n N] [--k N] [--fp16] [--a-column-major] [--b-column-major]\n"
         "  [--set FIELD=VALUE[,VALUE...]]... [--every-config], behind the word matmul\n";
}

void matmul(Device device, const MatmulOptions &options) {
  std::printf("peer,gpu,date,dtype,m,n,k,a,b,us,TFLOPs,max_err,config\n");
  options.half ? measure<half>(device, options) : measure<bfloat16>(device, options);
}

} // namespace kiln::bench
