// A non-owning reference to a callable: what std::function is used for where nothing needs to be stored.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace kiln::detail {

template <class Signature>
class function_ref;

template <class Result, class... Args>
class function_ref<Result(Args...)> {
public:
  function_ref() = default;

  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, function_ref> && std::is_invocable_r_v<Result, F &, Args...>)
  function_ref(F &&callable)
      : object_(const_cast<void *>(static_cast<const void *>(std::addressof(callable)))),
        call_([](void *object, Args... args) -> Result {
          return (*static_cast<std::remove_reference_t<F> *>(object))(std::forward<Args>(args)...);
        }) {}

  Result operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }
  explicit operator bool() const { return call_ != nullptr; }

private:
  void *object_ = nullptr;
  Result (*call_)(void *, Args...) = nullptr;
};

} // namespace kiln::detail
