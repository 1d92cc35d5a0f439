#pragma once
#include <concepts>
#include <iterator>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "freshet/core/emitter.hpp"
#include "freshet/core/grouping.hpp"
#include "freshet/core/task_context.hpp"

namespace freshet {

/// The parameters of a function, as one type.
template <class... T>
struct parameter_list {};

/// Result and parameters of a function, member function, or function object with one call operator.
template <class F>
struct signature;
template <class R, class... A>
struct signature<R (*)(A...)> {
  using result = R;
  using args = parameter_list<A...>;
  static constexpr bool is_noexcept = false;
};
template <class R, class... A>
struct signature<R (*)(A...) noexcept> : signature<R (*)(A...)> {
  static constexpr bool is_noexcept = true;
};
template <class R, class C, class... A>
struct signature<R (C::*)(A...)> : signature<R (*)(A...)> {};
template <class R, class C, class... A>
struct signature<R (C::*)(A...) const> : signature<R (*)(A...)> {};
template <class R, class C, class... A>
struct signature<R (C::*)(A...) noexcept> : signature<R (*)(A...) noexcept> {};
template <class R, class C, class... A>
struct signature<R (C::*)(A...) const noexcept> : signature<R (*)(A...) noexcept> {};

/// A range that `process` may give instead of a value: its elements are emitted, without ever being all at hand. A view
/// which can be gone through again, as those of the standard library over such ranges.
/// A std::ranges::view and forward_range, said without <ranges>, which few programs need and all would compile;
/// <string_view>, itself a view, has `enable_view`.
template <class R>
concept lazy_output = std::ranges::enable_view<R> && std::movable<R> && requires(R& range) {
  { std::begin(range) } -> std::forward_iterator;
  { std::end(range) } -> std::sentinel_for<decltype(std::begin(range))>;
} && !std::is_convertible_v<const R&, std::string_view>;

namespace detail {
template <class L>
struct first_arg {
  using type = void;
};
template <class A, class... R>
struct first_arg<parameter_list<A, R...>> {
  using type = std::remove_cvref_t<A>;
};
template <class L>
struct find_emitter {
  using type = void;
};
template <class A, class... R>
struct find_emitter<parameter_list<A, R...>> {
  using type =
      typename std::conditional_t<is_emitter<std::remove_cvref_t<A>>, std::type_identity<std::remove_cvref_t<A>>,
                                  find_emitter<parameter_list<R...>>>::type;
};
template <class R>
struct emitter_for_result {
  using type = emitter<R>;
};
template <class R>
struct emitter_for_result<std::optional<R>> {
  using type = emitter<R>;
};
template <lazy_output R>
struct emitter_for_result<R> {
  using type = emitter<std::iter_value_t<decltype(std::begin(std::declval<R&>()))>>;
};
template <>
struct emitter_for_result<void> {
  using type = emitter<void>;
};
}  // namespace detail

/// A bolt's `process`, or the call operator of a lambda; `void` where neither is one plain (not overloaded, not
/// template) function.
template <class B>
consteval auto process_signature() {
  if constexpr (requires { typename signature<decltype(&B::process)>::args; })
    return std::type_identity<signature<decltype(&B::process)>>{};
  else if constexpr (requires { typename signature<decltype(&B::operator())>::args; })
    return std::type_identity<signature<decltype(&B::operator())>>{};
  else if constexpr (requires { typename signature<B>::args; }) return std::type_identity<signature<B>>{};
  else return std::type_identity<void>{};
}

/// What `process` says about a bolt: the type it reads and the emitter it writes to. A returned value is emitted; a
/// returned std::optional is emitted when it holds one; of a returned view (`lazy_output`) the elements are.
template <class Sig>
struct bolt_port_traits {
  using args = typename Sig::args;
  using input = typename detail::first_arg<args>::type;
  using found = typename detail::find_emitter<args>::type;
  using emitter_type =
      typename std::conditional_t<std::is_void_v<found>,
                                  detail::emitter_for_result<std::remove_cvref_t<typename Sig::result>>,
                                  std::type_identity<found>>::type;
};

/// A bolt whose state belongs to the engine: `using state = ...`, default constructed for every new key (or task).
template <class B>
concept has_state = requires {
  typename B::state;
};
/// The state of a bolt; `no_key` where it has none.
template <class B>
struct state_of {
  using type = no_key;
};
template <has_state B>
struct state_of<B> {
  using type = typename B::state;
};

/// A bolt with several inputs names its emitter once: `using output = emitter<Out, Sides...>`; elsewhere it follows
/// from `process`.
template <class B>
consteval auto emitter_of() {
  if constexpr (requires { typename B::output; }) return std::type_identity<typename B::output>{};
  else if constexpr (!std::is_void_v<typename decltype(process_signature<B>())::type>)
    return std::type_identity<
        typename bolt_port_traits<typename decltype(process_signature<B>())::type>::emitter_type>{};
  else return std::type_identity<emitter<void>>{};
}
/// The emitter as a type.
template <class B>
using emitter_of_t = typename decltype(emitter_of<B>())::type;

namespace detail {
/// A bolt or sink that says when it has room for more.
template <class B>
inline constexpr bool refuses = requires(B& b) {
  { b.ready() } -> std::convertible_to<bool>;
};
}  // namespace detail

}  // namespace freshet
