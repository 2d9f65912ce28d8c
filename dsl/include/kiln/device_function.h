// DeviceFunction: a function of CUDA C++ or LLVM bitcode that a kernel calls on the elements of tiles.
#pragma once

#include "kiln/detail/host_call.h"
#include "kiln/dtype.h"
#include "kiln/export.h"
#include "kiln/ops.h"
#include "kiln/tile.h"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kiln {

/// What computes a device function on the host: any callable of that signature, a plain function or a lambda. It is
/// called for one element at a time, from several threads at once.
template <class Signature>
class HostFunction;

template <class R, class... P>
class HostFunction<R(P...)> {
public:
  HostFunction() = default;
  template <class F>
    requires(!std::same_as<F, HostFunction> && std::is_invocable_r_v<R, const F &, P...>)
  HostFunction(F callable)
      : callable_(std::make_shared<const F>(std::move(callable))),
        call_(&detail::HostCaller<R(P...)>::template call<F>) {}

private:
  template <class, class>
  friend class detail::DeviceFunctionBase;

  std::shared_ptr<const void> callable_;
  detail::HostCall call_ = nullptr;
};

template <class Signature>
struct DeviceFunctionOptions {
  /// The same function for the CPU, the emulator and the interpreter. Without it the function is for GPUs alone.
  HostFunction<Signature> host = {};
  /// Whether calls have no effects and equal arguments give equal results: then a call may be left out, repeated or
  /// made earlier. Any other call is made exactly once for each element.
  bool pure = true;
  /// Of CUDA C++: options for NVRTC, such as "--use_fast_math" or "-I/directory".
  std::vector<std::string> options = {};
  /// Of CUDA C++: headers for the source to include, name and text.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

namespace detail {

struct DeviceFunctionCode; // what the library knows of a function

/// The scalars of a function, as its C++ type says them.
struct DeviceSignature {
  enum class Pass : std::uint8_t { value, pointer, reference }; // the last two are results

  bool returns_value = false;
  std::vector<DType> arguments, results; // results: what is returned, then what is written
  std::vector<Pass> parameters;          // in order
};

struct DeviceFunctionParts {
  enum class Language : std::uint8_t { cuda, bitcode };

  Language language;
  std::string name, code;
  DeviceSignature signature;
  std::shared_ptr<const void> callable;
  HostCall call = nullptr;
  bool pure = true;
  std::vector<std::string> options;
  std::vector<std::pair<std::string, std::string>> headers;
  Loc loc;
};

KILN_API std::shared_ptr<const DeviceFunctionCode> make_device_function(DeviceFunctionParts parts);
/// Traces the call; `results` gets as many tiles as the function has results.
KILN_API void call_device_function(const std::shared_ptr<const DeviceFunctionCode> &function,
                                   const Operand *const *arguments, Tile *results, const Loc &loc);

template <std::size_t>
using AnyOperand = const Operand &;

template <class R, class... P, std::size_t... I>
class DeviceFunctionBase<R(P...), std::index_sequence<I...>> {
public:
  using Options = DeviceFunctionOptions<R(P...)>;

  /// Calls the function on each element of the arguments, broadcast to one shape. One result is a Tile; several are a
  /// std::array of them, for `auto [a, b] = f(x);`.
  auto operator()(AnyOperand<I>... arguments, Loc loc = Loc::current()) const {
    constexpr std::size_t results = HostCaller<R(P...)>::results;
    const Operand *operands[] = {&arguments..., nullptr};
    if constexpr (results == 0) {
      call_device_function(code_, operands, nullptr, loc);
    } else {
      std::array<Tile, results> tiles;
      call_device_function(code_, operands, tiles.data(), loc);
      if constexpr (results == 1)
        return tiles[0];
      else
        return tiles;
    }
  }

protected:
  DeviceFunctionBase(DeviceFunctionParts::Language language, std::string_view name, std::string_view code,
                     Options options, const Loc &loc) {
    using Pass = DeviceSignature::Pass;
    DeviceSignature signature;
    if constexpr (!std::is_void_v<R>) {
      signature.returns_value = true;
      signature.results.push_back(dtype_of<R>);
    }
    (add<P>(signature), ...);
    signature.parameters = {(!is_result<P> ? Pass::value : std::is_pointer_v<P> ? Pass::pointer : Pass::reference)...};
    code_ = make_device_function({language, std::string(name), std::string(code), std::move(signature),
                                  std::move(options.host.callable_), options.host.call_, options.pure,
                                  std::move(options.options), std::move(options.headers), loc});
  }

private:
  template <class Parameter>
  static void add(DeviceSignature &signature) {
    (is_result<Parameter> ? signature.results : signature.arguments).push_back(dtype_of<ScalarOf<Parameter>>);
  }

  std::shared_ptr<const DeviceFunctionCode> code_;
};

} // namespace detail

/// A function of scalars that kernels call on tiles, element by element: `Tile y = gelu(x);`. It is written in CUDA C++
/// or is LLVM bitcode, and is compiled into the kernel.
///
/// `Signature` is its C++ type: `float(float)`, `half(half, int)`, `float(float, int *)`. Parameters are bool, signed
/// integers, half, bfloat16, float or double; one that is a pointer or a reference to non-const is a result. Results
/// are what the function returns, then these in order.
///
/// Make it once, as a constant of namespace scope: a kernel is compiled for the functions that its first trace found.
template <class Signature>
class DeviceFunction;

template <class R, class... P>
class DeviceFunction<R(P...)>
    : public detail::DeviceFunctionBase<R(P...), std::make_index_sequence<detail::HostCaller<R(P...)>::arguments>> {
  using Base = detail::DeviceFunctionBase<R(P...), std::make_index_sequence<detail::HostCaller<R(P...)>::arguments>>;
  using Base::Base;
  using Language = detail::DeviceFunctionParts::Language;

public:
  using Options = typename Base::Options;

  /// The function `name`, perhaps of a namespace or a template, of CUDA C++ `source`. NVRTC compiles it when a kernel
  /// that calls it is compiled for a GPU; what it finds wrong is reported, as a CompileError, at the line of the file
  /// in which `source` begins on the line of this call.
  /// \throws InvalidArgument where `name` is not a name.
  static DeviceFunction cuda(std::string_view name, std::string_view source, Options options = {},
                             Loc loc = Loc::current()) {
    return DeviceFunction(Language::cuda, name, source, std::move(options), loc);
  }

  /// The function `name` of LLVM bitcode, or of LLVM IR as text, for nvptx64: what `clang++ -x cuda
  /// --cuda-device-only -emit-llvm` makes of an `extern "C" __device__` function. It is inlined before the kernel is
  /// optimised. half and bfloat16 are half and bfloat there, or an i16; a bool is an i1 or i8.
  /// \throws InvalidArgument where `name` is not a name.
  static DeviceFunction bitcode(std::string_view name, std::string_view bitcode, Options options = {},
                                Loc loc = Loc::current()) {
    return DeviceFunction(Language::bitcode, name, bitcode, std::move(options), loc);
  }
};

} // namespace kiln
