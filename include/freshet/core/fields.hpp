#pragma once
#include <boost/pfr/core.hpp>
#include <concepts>
#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

namespace freshet {

/// A class that names its data members, in order, in a hidden friend, because they are private or because Boost.PFR
/// can't see them (a C array, a bit-field, a base class):
///     friend auto freshet_fields(money& m) { return std::tie(m.cents_, m.currency_); }
/// Codec, stable hash and key equality follow from it.
template <class T>
concept names_its_fields = std::is_class_v<T> && requires(std::remove_const_t<T>& v) {
  freshet_fields(v);
};

namespace detail {

/// Never called. They have bodies as Clang wants one where `T` is of an anonymous namespace.
struct converts_to_all {
  template <class T>
  operator T() const {
    std::terminate();
  }
};
template <class Derived>
struct converts_to_bases {
  template <class T>
  requires(std::is_base_of_v<T, Derived> && !std::is_same_v<T, Derived>) operator T() const { std::terminate(); }
};
struct converts_to_none {};

template <std::size_t>
using any_field = converts_to_all;

/// An initialiser that only a base class takes is taken first of all. A first member that takes anything (std::any)
/// would take it too, hence the second question.
template <class T>
concept has_base = requires {
  T{converts_to_bases<T>{}};
}
&&!requires { T{converts_to_none{}}; };

template <class T, std::size_t... I>
consteval bool takes(std::index_sequence<I...>) {
  return requires { T{any_field<I>{}...}; };
}
inline constexpr std::size_t most_fields = 100;  // as many as PFR knows

/// How many initialisers `T{...}` takes, at most `most_fields` + 1. Not by PFR where it can be helped: GCC 12 crashes
/// where PFR counts an array of strings. But members that can't be left out hide their number from this simple search.
template <class T, std::size_t Known = 0>
consteval std::size_t count_initialisers() {
  if constexpr (!std::is_default_constructible_v<T>) return boost::pfr::tuple_size_v<T>;
  else if constexpr (Known > most_fields || !takes<T>(std::make_index_sequence<Known + 1>())) return Known;
  else return count_initialisers<T, Known + 1>();
}

/// A C array takes one initialiser an element, but a structured binding names it once, so PFR can't reflect it. It
/// shows itself: braces in its place initialise all of it, and as many initialisers behind them as would be behind a
/// single field are too many.
template <class T, std::size_t... Before, std::size_t... After>
consteval bool is_array_at(std::index_sequence<Before...>, std::index_sequence<After...>) {
  using all = converts_to_all;
  constexpr bool one_field = requires { T{any_field<Before>{}..., {}, any_field<After>{}...}; }
  || requires { T{any_field<Before>{}..., {all{}}, any_field<After>{}...}; }
  || requires { T{any_field<Before>{}..., {all{}, all{}}, any_field<After>{}...}; };
  return !one_field && requires { T{any_field<Before>{}..., {all{}, all{}}}; };
}
template <class T, std::size_t... At>
consteval bool has_array(std::index_sequence<At...>) {
  constexpr std::size_t last = sizeof...(At) - 1;
  return (is_array_at<T>(std::make_index_sequence<At>(), std::make_index_sequence<last - At>()) || ...);
}

/// REQUIRES: a class that is an aggregate. More fields than bytes means bit-fields; others can't be recognised, and
/// the compiler says "cannot bind bit-field" from within PFR.
template <class T>
consteval bool can_reflect() {
  if constexpr (has_base<T>) {
    return false;
  } else if constexpr (std::is_empty_v<T>) {
    return true;
  } else {
    constexpr std::size_t count = count_initialisers<T>();
    if constexpr (count > most_fields || count > sizeof(T) || count == 0) return false;
    else return !has_array<T>(std::make_index_sequence<count>());
  }
}

/// A class whose braces initialise its members; std::array has members only by name of its implementation.
template <class T>
concept aggregate_class = std::is_class_v<T> && std::is_aggregate_v<T> && !requires {
  std::tuple_size<T>::value;
};

template <class T>
inline constexpr bool reflects = can_reflect<T>();

template <class T>
using fields_of = decltype(boost::pfr::structure_tie(std::declval<T&>()));

}  // namespace detail

/// A plain struct: an aggregate whose members Boost.PFR finds by itself.
template <class T>
concept plain_aggregate =
    !names_its_fields<T> && detail::aggregate_class<std::remove_const_t<T>> && detail::reflects<std::remove_const_t<T>>;

/// An aggregate whose members nobody can see: it has a C array, bit-fields, a base class or more than 100 members, and
/// no `freshet_fields`. It travels in streams, but has neither codec nor hash.
template <class T>
concept opaque_aggregate = !names_its_fields<T> && detail::aggregate_class<std::remove_const_t<T>> &&
                           !detail::reflects<std::remove_const_t<T>>;

/// A class whose data members Freshet can visit.
template <class T>
concept has_fields = names_its_fields<T> || plain_aggregate<T>;

/// Calls `visit(first, second, ...)` with references to the fields of `value`, const ones if it is, and gives back what
/// that returns.
template <has_fields T, class F>
constexpr decltype(auto) with_fields(T& value, F&& visit) {
  if constexpr (!names_its_fields<T>) {
    return std::apply(std::forward<F>(visit), boost::pfr::structure_tie(value));
  } else if constexpr (std::is_const_v<T>) {
    auto as_const = [&visit](auto&... field) -> decltype(auto) { return visit(std::as_const(field)...); };
    return std::apply(as_const, freshet_fields(const_cast<std::remove_const_t<T>&>(value)));  // tied, never written
  } else {
    return std::apply(std::forward<F>(visit), freshet_fields(value));
  }
}

}  // namespace freshet
