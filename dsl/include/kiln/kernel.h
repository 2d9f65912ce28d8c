// Kernel: a traced function with a name, compiled once per config and device, and launched.
#pragma once

#include "kiln/compile_report.h"
#include "kiln/config.h"
#include "kiln/device.h"
#include "kiln/error.h"
#include "kiln/launch_argument.h"
#include "kiln/launch_options.h"
#include "kiln/runtime/pack_file.h"
#include "kiln/target.h"
#include "kiln/tile.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace kiln {

/// What a kernel has done since it was made.
struct KernelCounters {
  std::uint64_t traces = 0;      // how often the kernel function ran
  std::uint64_t compiles = 0;    // how often machine code was made
  std::uint64_t hits = 0;        // launches and compiles that found it made in this process
  std::uint64_t disk_hits = 0;   // how often code was found in the cache on disk instead of being made
  std::uint64_t disk_misses = 0; // how often it was looked for there and not found
};

/// The same, summed over all kernels of the process.
KILN_API KernelCounters total_counters();

namespace detail {

struct ParamInfo {
  bool pointer, read_only;
  DType dtype; // of a pointer, what it points at
};

// The place of a parameter in a trace.
struct ParamBinding {
  void *value;          // the argument of the function being built
  std::uint64_t serial; // given in order, whatever order C++ constructs parameters in
};

// A config of some type, seen without its type. Lives on the caller's stack during one call.
struct ConfigView {
  const void *config;         // the user's struct
  const std::uint64_t *words; // one per member: configs of a kernel are equal where these are
  std::size_t count;
  int num_warps; // the member of that name; 0 where there is none
  std::string (*text)(const void *config);
};

struct KernelState; // what the just-in-time compiler knows of a kernel

// Everything of a kernel that does not depend on its types; in the library.
class KILN_API KernelBase {
public:
  using Body = void (*)();
  // Calls `body`, cast back to its type, with the config and with parameters made from `params`, one binding each.
  using Invoke = void (*)(Body body, const void *config, const ParamBinding *params);

  KernelBase(const KernelBase &) = delete;
  KernelBase &operator=(const KernelBase &) = delete;

  const std::string &name() const { return name_; }
  KernelCounters counters() const;

  // For the library: the parts that `trace` and `launch` need.
  const ParamInfo *params() const { return params_; }
  std::size_t num_params() const { return num_params_; }
  void invoke(const void *config, const ParamBinding *bindings) const { invoke_(body_, config, bindings); }
  KernelState &state() const { return *state_; }

protected:
  KernelBase(std::string_view name, const ParamInfo *params, std::size_t num_params, Body body, Invoke invoke);
  ~KernelBase();

  std::string trace_text(const ConfigView &config) const;
  CompileReport compile_erased(const ConfigView &config, const Device &device) const;
  CompiledCode compile_erased(const ConfigView &config, const Target &target) const;
  std::string emit_erased(const ConfigView &config, const Target &target, std::string_view stage) const;
  runtime::PackContent pack_erased(const ConfigView &config, const Target &target) const;
  // args[i] points at the value of parameter i; of a pointer parameter, at the address.
  void launch_erased(const LaunchOptions &options, const ConfigView &config, const void *const *args) const;

private:
  std::string name_;
  const ParamInfo *params_; // of static duration
  std::size_t num_params_;
  Body body_;
  Invoke invoke_;
  KernelState *state_; // owned; its type is the library's
};

template <class P>
struct ParamTraits {
  static_assert(!std::is_same_v<P, P>, "a kernel's parameters are kiln::ptr<T> and kiln::scalar<T>, taken by value");
  using Host = int;
  static constexpr ParamInfo info{};
};
template <class T>
struct ParamTraits<ptr<T>> {
  using Host = T *;
  static constexpr ParamInfo info{true, std::is_const_v<T>, ptr<T>::element_type};
};
template <class T>
struct ParamTraits<scalar<T>> {
  using Host = LosslessOrConstant<T>;
  static constexpr ParamInfo info{false, true, scalar<T>::element_type};
};

template <class Config>
concept HasNumWarps = requires(const Config &config) { config.num_warps; };

template <class T>
concept WarpCount = std::is_integral_v<T> && !std::is_same_v<T, bool> && sizeof(T) <= sizeof(int);

template <class Config>
std::string erased_config_text(const void *config) {
  return config_text(*static_cast<const Config *>(config));
}

template <class F>
concept CallableClass = std::is_class_v<F> && requires { &F::operator(); };

template <class CallOperator>
struct KernelOf; // the Kernel that a call operator describes

// What is no kernel function, with its reasons as messages.

template <class R, class... Args>
struct NoKernelFunction {
  static_assert(std::is_void_v<R>, "a kernel function returns nothing: it stores its results");
  static_assert(!std::is_void_v<R>, "the first parameter of a kernel function is its config, by const reference: "
                                    "void f(const Config &, kiln::ptr<T>..., kiln::scalar<T>...)");
};

template <class R, class... Args>
struct NoexceptFunction {
  static_assert(!std::is_same_v<R, R>, "a kernel function is not noexcept: it is told of mistakes by exceptions");
};

template <class F>
struct NoCallable {
  static_assert(!std::is_class_v<F>, "a kernel function has one call operator whose parameters have types: a template "
                                     "or an overload, such as a lambda's auto, does not say which is meant");
};

} // namespace detail

/// A kernel: a function `void f(const Config &, ptr<T>..., scalar<T>...)` and a name.
///
///     kiln::Kernel vec_add_kernel{"vec_add", vec_add};
///     vec_add_kernel.launch({.grid = kiln::cdiv(n, c.block), .device = kiln::Device::cpu()}, c, x, y, out, n);
///
/// The function runs on the host, once per config and device, and may not depend on anything but the config: it is a
/// free function or a lambda without captures. Members are safe to call from several threads at once.
template <class Config, class... Params>
class Kernel : public detail::KernelBase {
public:
  using Function = void (*)(const Config &, Params...);

  Kernel(std::string_view name, Function function)
      : KernelBase(name, infos, sizeof...(Params), reinterpret_cast<Body>(function), invoke_body) {}

  /// The IR of the kernel for one config, as text. Needs no device. Throws TraceError.
  std::string trace(const Config &config) const {
    const View view(config);
    return trace_text(view);
  }

  /// Makes the kernel ready for `device` - compiled, and on a GPU loaded - so that the first launch finds it so. Throws
  /// TraceError, CompileError and DeviceError.
  CompileReport compile(const Config &config, Device device = {}) const {
    const View view(config);
    return compile_erased(view, device);
  }

  /// The kernel's code for a GPU architecture, with a report of what it uses. Needs no GPU. Throws TraceError,
  /// CompileError, and InvalidArgument for the target "cpu" and emulated ones.
  CompiledCode compile(const Config &config, Target target) const {
    const View view(config);
    return compile_erased(view, target);
  }

  /// The kernel at one stage of being compiled, as text ("cubin": as bytes). The stages of a GPU are tile, tile_gpu,
  /// threads, llvm, llvmir, ptx, cubin, report and json; an emulated one has asm for ptx and cubin; those of the CPU
  /// are tile, loops, llvm, llvmir and asm. Needs no device. Throws TraceError, CompileError, and InvalidArgument where
  /// the target has no such stage.
  std::string emit(const Config &config, Target target, std::string_view stage) const {
    const View view(config);
    return emit_erased(view, target, stage);
  }

  /// The kernel's code for a GPU architecture, both variants of it, as a pack holds it (kiln/pack.h). The text of the
  /// config is the caller's to set: a kernel does not know the names of its members. Needs no GPU, but an assembler.
  /// Throws TraceError, CompileError, and InvalidArgument for the target "cpu" and emulated ones.
  runtime::PackContent pack(const Config &config, Target target) const {
    const View view(config);
    return pack_erased(view, target);
  }

  /// Runs `options.grid` programs, compiling first where needed. Takes `T *` for `ptr<T>`; for `scalar<T>` a value
  /// whose type T holds without loss, or a constant that fits. On the CPU it returns when all programs have ended; on a
  /// GPU it enqueues. Throws, besides what `compile` throws, LaunchError, TrapError and ContextLost.
  void launch(const LaunchOptions &options, const Config &config,
              typename detail::ParamTraits<Params>::Host... args) const {
    const View view(config);
    const void *const slots[] = {static_cast<const void *>(std::addressof(args))..., nullptr};
    launch_erased(options, view, slots);
  }

  /// The same for callers that know the parameters at run time only: args[i] points at the value of parameter i.
  void launch_from(const LaunchOptions &options, const Config &config, const void *const *args) const {
    const View view(config);
    launch_erased(options, view, args);
  }

private:
  static constexpr detail::ParamInfo infos[] = {detail::ParamTraits<Params>::info..., detail::ParamInfo{}};

  struct View : detail::ConfigView {
    std::uint64_t storage[max_config_fields + 1];

    explicit View(const Config &c) : ConfigView{&c, storage, 0, 0, detail::erased_config_text<Config>} {
      for_each_field(c, [this](const auto &value) { storage[count++] = detail::to_word(value); });
      if constexpr (detail::HasNumWarps<Config>) {
        static_assert(detail::WarpCount<decltype(c.num_warps)>,
                      "num_warps of a kernel config is an integer: int num_warps = 4;");
        num_warps = static_cast<int>(c.num_warps);
      }
    }
    View(const View &) = delete;
  };

  static void invoke_body(Body body, const void *config, const detail::ParamBinding *bindings) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      reinterpret_cast<Function>(body)(*static_cast<const Config *>(config), Params(bindings[I])...);
    }(std::index_sequence_for<Params...>{});
  }
};

template <class Config, class... Params>
Kernel(std::string_view, void (*)(const Config &, Params...)) -> Kernel<Config, Params...>;

template <class R, class... Args>
class Kernel<R(Args...)> : detail::NoKernelFunction<R, Args...> {
public:
  using Function = R (*)(Args...);
  Kernel(std::string_view, Function) {}
};
template <class R, class... Args>
Kernel(std::string_view, R (*)(Args...)) -> Kernel<R(Args...)>;

template <class R, class... Args>
class Kernel<R(Args...) noexcept> : detail::NoexceptFunction<R, Args...> {
public:
  using Function = R (*)(Args...);
  Kernel(std::string_view, Function) {}
};
template <class R, class... Args>
Kernel(std::string_view, R (*)(Args...) noexcept) -> Kernel<R(Args...) noexcept>;

namespace detail {
template <class F, class Config, class... Params>
struct KernelOf<void (F::*)(const Config &, Params...) const> {
  using type = Kernel<Config, Params...>;
};
template <class F, class R, class... Args>
struct KernelOf<R (F::*)(Args...) const> {
  using type = Kernel<R(Args...)>;
};
template <class F, class R, class... Args>
struct KernelOf<R (F::*)(Args...) const noexcept> {
  using type = Kernel<R(Args...) noexcept>;
};
template <class F, class R, class... Args>
struct KernelOf<R (F::*)(Args...)> {
  static_assert(!std::is_class_v<F>, "a kernel function changes nothing of its own: the lambda is not mutable");
};
} // namespace detail

/// A kernel written as a lambda.
template <detail::CallableClass F>
class Kernel<F> : public detail::KernelOf<decltype(&F::operator())>::type {
  using Base = typename detail::KernelOf<decltype(&F::operator())>::type;

public:
  Kernel(std::string_view name, F function) : Base(name, to_function(function)) {}

private:
  static typename Base::Function to_function(F function) {
    static_assert(std::is_empty_v<F>,
                  "a kernel may not capture: its config must be its only input, because compiled kernels are "
                  "found by it; pass the value as a config member or as a kernel parameter");
    if constexpr (std::is_empty_v<F>)
      return +function;
    else
      return nullptr;
  }
};

template <detail::CallableClass F>
Kernel(std::string_view, F) -> Kernel<F>;

template <class F>
class Kernel<detail::NoCallable<F>> : detail::NoCallable<F> {
public:
  Kernel(std::string_view, const F &) {}
};
template <class F>
  requires(std::is_class_v<F> && !detail::CallableClass<F>)
Kernel(std::string_view, F) -> Kernel<detail::NoCallable<F>>;

} // namespace kiln
