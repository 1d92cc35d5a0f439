#pragma once
#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "freshet/base/error.hpp"

namespace freshet {

/// Thrown by `result::value()` where there is an error instead.
class bad_result_access : public std::exception {
 public:
  explicit bad_result_access(error why);
  const char* what() const noexcept override;
  const error& why() const noexcept { return why_; }

 private:
  error why_;
  std::string text_;
};

namespace detail {
[[noreturn]] void throw_bad_result_access(const error&);
}

/// A `T`, or the `error` that prevented it; what every call that may fail in an expected way gives back. Our own and
/// not std::expected, so that the library means the same in C++20 and C++23.
///     freshet::result<file> open(const std::string& path);
///     if (auto f = open(path)) use(*f); else log(f.error().message);
template <class T>
class [[nodiscard]] result {
  static_assert(std::is_object_v<T> && !std::is_same_v<T, freshet::error>,
                "result<T> needs an object type other than error");

 public:
  using value_type = T;

  template <class U = T>
  requires(!std::same_as<std::remove_cvref_t<U>, result> && !std::same_as<std::remove_cvref_t<U>, freshet::error> &&
           std::convertible_to<U, T>) result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}
  result(freshet::error why) : state_(std::in_place_index<1>, std::move(why)) {}

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value. Throws bad_result_access, which carries the error's message, when there is none. A result about to go
  /// gives its value away rather than a reference into itself, so that `for (auto& x : read().value())` is safe in
  /// C++20.
  T& value() & { return check(), **this; }
  const T& value() const& { return check(), **this; }
  T value() && { return check(), *std::move(*this); }

  /// REQUIRES: has_value(), for these three.
  T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  T operator*() && noexcept(std::is_nothrow_move_constructible_v<T>) { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() noexcept { return std::get_if<0>(&state_); }
  const T* operator->() const noexcept { return std::get_if<0>(&state_); }

  /// REQUIRES: !has_value().
  const freshet::error& error() const& noexcept { return *std::get_if<1>(&state_); }
  freshet::error error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

  template <class U>
  T value_or(U&& other) const& {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }
  template <class U>
  T value_or(U&& other) && {
    return has_value() ? *std::move(*this) : static_cast<T>(std::forward<U>(other));
  }

 private:
  void check() const {
    if (!has_value()) [[unlikely]]
      detail::throw_bad_result_access(error());
  }
  std::variant<T, freshet::error> state_;
};

/// Success without a value, or an error. A default constructed one is success.
template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;

  result() = default;
  result(freshet::error why) : why_(std::move(why)) {}

  bool has_value() const noexcept { return !why_; }
  explicit operator bool() const noexcept { return has_value(); }
  /// Throws bad_result_access when there is an error.
  void value() const {
    if (why_) [[unlikely]]
      detail::throw_bad_result_access(*why_);
  }
  /// REQUIRES: !has_value().
  const freshet::error& error() const& noexcept { return *why_; }
  freshet::error error() && noexcept { return *std::move(why_); }

 private:
  std::optional<freshet::error> why_;
};

}  // namespace freshet
