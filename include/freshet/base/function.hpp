#pragma once
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace freshet {

template <class Signature>
class move_only_function;

/// A callable of any type, moved and never copied: std::move_only_function of C++23, for C++20. Callables of up to 48
/// bytes whose move can't throw live inside it; larger ones on the heap. Calling an empty one is undefined. Distinct
/// objects may be used from distinct threads.
template <class R, class... Args>
class move_only_function<R(Args...)> {
 public:
  move_only_function() noexcept = default;
  move_only_function(std::nullptr_t) noexcept {}

  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, move_only_function> &&
           std::is_invocable_r_v<R, std::decay_t<F>&, Args...>) move_only_function(F&& f) {
    using target = std::decay_t<F>;
    if constexpr (std::is_pointer_v<target> || std::is_member_pointer_v<target>) {
      if (!f) return;
    }
    if constexpr (fits_inside<target>) {
      std::construct_at(reinterpret_cast<target*>(place_), std::forward<F>(f));
    } else {
      std::construct_at(reinterpret_cast<target**>(place_), new target(std::forward<F>(f)));
    }
    call_ = &call<target>;
    relocate_ = &relocate<target>;
  }

  move_only_function(move_only_function&& other) noexcept { take(other); }
  move_only_function& operator=(move_only_function&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  move_only_function& operator=(std::nullptr_t) noexcept {
    reset();
    return *this;
  }
  ~move_only_function() { reset(); }

  explicit operator bool() const noexcept { return call_ != nullptr; }
  /// REQUIRES: not empty.
  R operator()(Args... args) { return call_(place_, std::forward<Args>(args)...); }

 private:
  static constexpr std::size_t room = 48;

  template <class F>
  static constexpr bool fits_inside =
      sizeof(F) <= room && alignof(F) <= alignof(std::max_align_t) && std::is_nothrow_move_constructible_v<F>;

  template <class F>
  static F& target_in(void* place) noexcept {
    if constexpr (fits_inside<F>) return *std::launder(static_cast<F*>(place));
    else return **std::launder(static_cast<F**>(place));
  }
  template <class F>
  static R call(void* place, Args&&... args) {
    if constexpr (std::is_void_v<R>) static_cast<void>(std::invoke(target_in<F>(place), std::forward<Args>(args)...));
    else return std::invoke(target_in<F>(place), std::forward<Args>(args)...);
  }
  /// Moves the target to `to`, or destroys it when that is null; one pointer for both keeps the object at 64 bytes.
  template <class F>
  static void relocate(void* from, void* to) noexcept {
    F& f = target_in<F>(from);
    if constexpr (fits_inside<F>) {
      if (to) std::construct_at(static_cast<F*>(to), std::move(f));
      std::destroy_at(&f);
    } else {
      if (to) std::construct_at(static_cast<F**>(to), &f);
      else delete &f;
    }
  }

  void take(move_only_function& other) noexcept {
    if (!other.call_) return;
    other.relocate_(other.place_, place_);
    call_ = std::exchange(other.call_, nullptr);
    relocate_ = other.relocate_;
  }
  void reset() noexcept {
    if (call_) relocate_(place_, nullptr);
    call_ = nullptr;
  }

  R (*call_)(void*, Args&&...) = nullptr;
  void (*relocate_)(void*, void*) noexcept = nullptr;
  alignas(std::max_align_t) std::byte place_[room];
};

}  // namespace freshet
