#pragma once
#include <concepts>
#include <functional>
#include <type_traits>

#include "freshet/core/bolt.hpp"

namespace freshet {

namespace detail {
template <class F>
struct field_owner {};
template <class M, class T>
struct field_owner<M T::*> {
  using type = T;
};
template <class F>
requires(requires { typename signature<decltype(&F::operator())>::args; }) struct field_owner<F> {
  using type = typename first_arg<typename signature<decltype(&F::operator())>::args>::type;
};
template <class R, class A>
struct field_owner<R (*)(A)> {
  using type = std::remove_cvref_t<A>;
};
}  // namespace detail

/// Whose field it is, found from a pointer to member, a function, or a lambda that names the type of its parameter: so
/// that `sum{&order::amount}` need not say `order` again. For the value itself say `sum<int>{}`.
template <class F>
using owner_t = typename detail::field_owner<F>::type;

/// The type of a field, without reference.
template <class T, class F>
using field_t = std::remove_cvref_t<std::invoke_result_t<const F&, const T&>>;

}  // namespace freshet
