// A kernel without its type, for tools that find kernels by name and configs by the names of their members.
#pragma once

#include "kiln/kernel.h"

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace kiln {

/// The value of a config's member, exact whatever the member's type. Booleans are 0 and 1, enumerations their numbers.
class ConfigValue {
public:
  constexpr ConfigValue() = default;
  template <class T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
  constexpr ConfigValue(T value) : number_(exact(value)) {}

  /// Calls `f` with the number: a std::int64_t, a std::uint64_t too large for that, or a double.
  template <class F>
  constexpr decltype(auto) visit(F &&f) const {
    return std::visit(f, number_);
  }
  /// The nearest double.
  constexpr double rounded() const {
    return visit([](auto number) { return static_cast<double>(number); });
  }
  /// As `FIELD=VALUE` takes it.
  KILN_API std::string text() const;

  bool operator==(const ConfigValue &) const = default;

private:
  using Number = std::variant<std::int64_t, std::uint64_t, double>;

  template <class T>
  static constexpr Number exact(T value) {
    if constexpr (std::is_enum_v<T>)
      return exact(static_cast<std::underlying_type_t<T>>(value));
    else if constexpr (std::is_floating_point_v<T>)
      return static_cast<double>(value);
    else if (value > T(0) &&
             static_cast<std::uint64_t>(value) > std::uint64_t(std::numeric_limits<std::int64_t>::max()))
      return static_cast<std::uint64_t>(value);
    else
      return static_cast<std::int64_t>(value);
  }

  Number number_;
};

/// A member of a kernel's config.
struct ConfigMember {
  enum class Kind : std::uint8_t { integer, boolean, floating };

  std::string_view name;
  Kind kind;
  ConfigValue value; ///< the default
};

namespace detail {

// The names of members are nowhere but in the spelling of a function whose template parameter is the address of one.

template <class Config>
inline constexpr Config sample_config{};

template <class T>
struct MemberAddress {
  const T *address;
};
template <class T>
MemberAddress(const T *) -> MemberAddress<T>;

template <class Config, std::size_t I>
consteval auto member_address() {
  return visit_fields(sample_config<Config>, [](const auto &...members) {
    return MemberAddress{std::get<I>(std::tuple<decltype(&members)...>(&members...))};
  });
}

template <MemberAddress Address>
constexpr const char *spelled() {
  return __PRETTY_FUNCTION__; // "... [Address = MemberAddress<int>{&sample_config<Config>.block_n}]"
}

constexpr std::string_view last_identifier(std::string_view text) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  while (!text.empty() && !is_part(text.back()))
    text.remove_suffix(1);
  std::size_t size = 0;
  while (size < text.size() && is_part(text[text.size() - 1 - size]))
    ++size;
  return text.substr(text.size() - size);
}

template <class Config>
const std::vector<ConfigMember> &fields_of() {
  // Never destroyed: kernels may be launched after static destructors have begun.
  static const auto &fields = *new std::vector<ConfigMember>([] {
    std::vector<ConfigMember> result;
    for_each_field(Config{}, [&]<class T>(const T &value) {
      const auto kind = std::is_same_v<T, bool>       ? ConfigMember::Kind::boolean
                        : std::is_floating_point_v<T> ? ConfigMember::Kind::floating
                                                      : ConfigMember::Kind::integer;
      result.push_back({{}, kind, value});
    });
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((result[I].name = last_identifier(spelled<member_address<Config, I>()>())), ...);
    }(std::make_index_sequence<count_fields<Config>()>{});
    return result;
  }());
  return fields;
}

// What can be done with a kernel, given the values of its config.
struct KernelOperations {
  std::string (*trace)(const KernelBase &kernel, std::span<const ConfigValue> values);
  CompileReport (*prepare)(const KernelBase &kernel, std::span<const ConfigValue> values, Device device);
  CompiledCode (*compile)(const KernelBase &kernel, std::span<const ConfigValue> values, Target target);
  std::string (*emit)(const KernelBase &kernel, std::span<const ConfigValue> values, Target target,
                      std::string_view stage);
  runtime::PackContent (*pack)(const KernelBase &kernel, std::span<const ConfigValue> values, Target target);
  void (*launch)(const KernelBase &kernel, std::span<const ConfigValue> values, const LaunchOptions &options,
                 const void *const *args);
  const std::vector<ConfigMember> &(*fields)();
};

[[noreturn]] KILN_API void refuse_member(std::string_view name, const ConfigValue &value);

template <class Field>
Field member_of(const ConfigValue &value, std::string_view name) {
  if constexpr (std::is_enum_v<Field>) {
    return Field(member_of<std::underlying_type_t<Field>>(value, name));
  } else {
    return value.visit([&]<class Number>(Number number) {
      using Limits = std::numeric_limits<Field>;
      if constexpr (std::is_integral_v<Field> && !std::is_same_v<Field, bool>) {
        bool fits;
        if constexpr (std::is_floating_point_v<Number>) {
          // One more than the largest, which is a power of two and so a double.
          constexpr double end = 2.0 * double(std::uint64_t(1) << (Limits::digits - 1));
          fits = number < end && number >= (Limits::is_signed ? -end : 0.0);
        } else {
          fits = std::cmp_greater_equal(number, std::int64_t(Limits::min())) &&
                 std::cmp_less_equal(number, std::uint64_t(Limits::max()));
        }
        if (!fits)
          refuse_member(name, value);
      }
      return Field(number);
    });
  }
}

template <class Config>
Config config_of(std::span<const ConfigValue> values) {
  Config config{};
  std::size_t i = 0;
  // for_each_field only reads; the object is ours and not const.
  for_each_field(config, [&]<class Field>(const Field &field) {
    const_cast<Field &>(field) = member_of<Field>(values[i], fields_of<Config>()[i].name);
    ++i;
  });
  return config;
}

} // namespace detail

/// A reference to a kernel, which must outlive it. Its config is given as one number for each member, in order.
class AnyKernel {
public:
  template <detail::CallableClass F>
  AnyKernel(const Kernel<F> &kernel)
      : AnyKernel(static_cast<const typename detail::KernelOf<decltype(&F::operator())>::type &>(kernel)) {}
  template <class Config, class... Params>
  AnyKernel(const Kernel<Config, Params...> &kernel) : kernel_(&kernel), operations_(&operations<Config, Params...>) {}

  const std::string &name() const { return kernel_->name(); }
  /// The members of the config, in order.
  const std::vector<ConfigMember> &fields() const { return operations_->fields(); }
  /// The default config.
  KILN_API std::vector<ConfigValue> defaults() const;

  // As the members of Kernel with these names; InvalidArgument where the number of values is wrong, or a member cannot
  // hold its value.

  std::string trace(std::span<const ConfigValue> values) const {
    check(values);
    return operations_->trace(*kernel_, values);
  }
  CompileReport compile(std::span<const ConfigValue> values, Device device) const {
    check(values);
    return operations_->prepare(*kernel_, values, device);
  }
  CompiledCode compile(std::span<const ConfigValue> values, Target target) const {
    check(values);
    return operations_->compile(*kernel_, values, target);
  }
  std::string emit(std::span<const ConfigValue> values, Target target, std::string_view stage) const {
    check(values);
    return operations_->emit(*kernel_, values, target, stage);
  }
  /// With the config's text: "block=1024 num_warps=4".
  KILN_API runtime::PackContent pack(std::span<const ConfigValue> values, Target target) const;
  /// args[i] points at the value of parameter i: an address, or a number of the parameter's type.
  void launch(const LaunchOptions &options, std::span<const ConfigValue> values, const void *const *args) const {
    check(values);
    operations_->launch(*kernel_, values, options, args);
  }
  std::span<const detail::ParamInfo> params() const { return {kernel_->params(), kernel_->num_params()}; }
  KernelCounters counters() const { return kernel_->counters(); }

private:
  KILN_API void check(std::span<const ConfigValue> values) const;

  template <class Config, class... Params>
  static constexpr detail::KernelOperations operations{
      [](const detail::KernelBase &kernel, std::span<const ConfigValue> values) {
        return static_cast<const Kernel<Config, Params...> &>(kernel).trace(detail::config_of<Config>(values));
      },
      [](const detail::KernelBase &kernel, std::span<const ConfigValue> values, Device device) {
        return static_cast<const Kernel<Config, Params...> &>(kernel).compile(detail::config_of<Config>(values),
                                                                              device);
      },
      [](const detail::KernelBase &kernel, std::span<const ConfigValue> values, Target target) {
        return static_cast<const Kernel<Config, Params...> &>(kernel).compile(detail::config_of<Config>(values),
                                                                              target);
      },
      [](const detail::KernelBase &kernel, std::span<const ConfigValue> values, Target target, std::string_view stage) {
        return static_cast<const Kernel<Config, Params...> &>(kernel).emit(detail::config_of<Config>(values), target,
                                                                           stage);
      },
      [](const detail::KernelBase &kernel, std::span<const ConfigValue> values, Target target) {
        return static_cast<const Kernel<Config, Params...> &>(kernel).pack(detail::config_of<Config>(values), target);
      },
      [](const detail::KernelBase &kernel, std::span<const ConfigValue> values, const LaunchOptions &options,
         const void *const *args) {
        static_cast<const Kernel<Config, Params...> &>(kernel).launch_from(options, detail::config_of<Config>(values),
                                                                           args);
      },
      detail::fields_of<Config>,
  };

  const detail::KernelBase *kernel_;
  const detail::KernelOperations *operations_;
};

} // namespace kiln
