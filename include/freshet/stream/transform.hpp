#pragma once
#include <functional>
#include <iterator>
#include <string>
#include <type_traits>
#include <utility>

#include "freshet/core/passed_value.hpp"
#include "freshet/stream/function_check.hpp"

// The bolts behind map, filter, peek and flat_map. A function is called through a template argument, so the compiler
// inlines it into the loop over a batch: they cost what a bolt written by hand does.
namespace freshet {

namespace detail {
/// Whether a function asks for its argument by value, so that a temporary may be moved into it.
template <class F, class T>
consteval bool takes_by_value() {
  using S = typename decltype(process_signature<F>())::type;
  if constexpr (std::is_void_v<S>) return false;
  else if constexpr (std::is_same_v<typename S::args, parameter_list<T>>) return true;
  else return false;
}
}  // namespace detail

/// Emits what `f` makes of the value.
template <class T, class F, class U>
struct map_bolt {
  F f;
  void process(passed_value<T> value, emitter<U>& out) {
    if constexpr (detail::takes_by_value<F, T>()) out.emit(U(std::invoke(f, std::move(value).take())));
    else out.emit(U(std::invoke(f, value.get())));
  }
};

/// Passes on the values for which `keep` says yes.
template <class T, class F>
struct filter_bolt {
  F keep;
  void process(passed_value<T> value, emitter<T>& out) {
    if (std::invoke(keep, value.get())) std::move(value).emit_to(out);
  }
};

/// Shows each value to `look` and passes it on.
template <class T, class F>
struct peek_bolt {
  F look;
  void process(passed_value<T> value, emitter<T>& out) {
    std::invoke(look, value.get());
    std::move(value).emit_to(out);
  }
};

namespace detail {
template <class R>
concept like_range = requires(R& r) {
  std::begin(r) != std::end(r);
};
/// What a flat_map function gives, taken apart: the type of its elements, void if it can't be.
template <class R>
struct element {
  using type = void;
};
template <like_range R>
struct element<R> {
  using type = std::remove_cvref_t<decltype(*std::begin(std::declval<R&>()))>;
};
template <class T>
struct element<std::optional<T>> {
  using type = T;
};
template <class R>
using element_t = typename element<std::remove_cvref_t<R>>::type;
/// A container given by value: its elements are ours. Other ranges may refer to what somebody else still reads.
template <class R>
inline constexpr bool gives_its_elements_away = like_container<R> || is_array<R>;
}  // namespace detail

namespace wiring {
/// The function gives elements, and not by mistake the characters of a text.
template <class Function, class Given, class As>
struct check_flat_map {
  static constexpr bool called = check_function<Function, Given>::ok;
  static consteval bool gives_elements() {
    if constexpr (!called) return true;
    else return !std::is_void_v<freshet::detail::element_t<std::invoke_result_t<Function&, const Given&>>>;
  }
  static consteval bool gives_text() {
    if constexpr (called && std::is_void_v<As>)
      return freshet::detail::is_text<std::remove_cvref_t<std::invoke_result_t<Function&, const Given&>>>;
    else return false;
  }
  static constexpr bool elements = gives_elements();
  static_assert(elements,
                "flat_map's function must give a range or a std::optional, or take (const T&, freshet::emitter<U>&)");
  static constexpr bool whole = !gives_text();
  static_assert(whole,
                "flat_map's function gives a std::string, which would be taken apart into characters: use map, or give "
                "a range of strings (flat_map<char>(...) if characters are meant)");
  static constexpr bool ok = called && elements && whole;
};
}  // namespace wiring

/// Emits the elements of what `f` gives: those of an owning temporary are moved, those of a view are copied.
template <class T, class F, class U>
struct flat_map_bolt {
  F f;
  void process(const T& value, emitter<U>& out) {
    using R = std::invoke_result_t<F&, const T&>;
    R all = std::invoke(f, value);
    if constexpr (detail::is_optional<std::remove_cvref_t<R>>) {
      if (all) out.emplace(*std::forward<R>(all));
    } else {
      for (auto&& each : all) {
        if constexpr (detail::gives_its_elements_away<R>) out.emplace(std::move(each));
        else out.emplace(std::forward<decltype(each)>(each));
      }
    }
  }
};

/// A function `(const T&, auto& out)` whose emitter is named by flat_map<U>.
template <class T, class F, class U>
struct emitting_bolt {
  F f;
  void process(const T& value, emitter<U>& out) { std::invoke(f, value, out); }
};

}  // namespace freshet
