#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "freshet/core/fields.hpp"

namespace freshet {

/// What a type is made of, as far as Freshet must know to write, hash and compare it.
enum class shape : std::uint8_t {
  scalar,     ///< integers, enums, floating point
  text,       ///< std::string, with any allocator
  fields,     ///< a class with `has_fields`
  tuple,      ///< std::pair, std::tuple
  array,      ///< std::array
  sequence,   ///< vector, deque, list: an allocator and push_back
  set,        ///< set, unordered_set, multisets, and Boost's
  map,        ///< map, unordered_map, multimaps, and Boost's
  optional,   ///< std::optional
  variant,    ///< std::variant
  time_span,  ///< std::chrono::duration
  instant,    ///< std::chrono::time_point
  other,      ///< all others: a class with private members, a pointer, a view
};

namespace detail {

template <class T>
concept like_time_span = requires(const T& v) {
  typename T::rep;
  typename T::period;
  { v.count() } -> std::same_as<typename T::rep>;
};
template <class T>
concept like_instant = requires(const T& v) {
  typename T::clock;
  { v.time_since_epoch() } -> std::same_as<typename T::duration>;
};
template <class T>
concept like_tuple = requires {
  std::tuple_size<T>::value;
};
/// An allocator and not only `begin` and `push_back`: a class of the user's that offers those may hold more than its
/// elements, which nobody would write or compare.
template <class T>
concept like_container = requires(T& v) {
  typename T::value_type;
  typename T::allocator_type;
  v.begin() == v.end();
  v.size();
  v.clear();
};
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_variant = false;
template <class... T>
inline constexpr bool is_variant<std::variant<T...>> = true;
template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;
template <class T>
inline constexpr bool is_text = false;
template <class A>
inline constexpr bool is_text<std::basic_string<char, std::char_traits<char>, A>> = true;

template <class T>
consteval shape container_shape() {
  if constexpr (is_text<T>) return shape::text;
  else if constexpr (requires { typename T::mapped_type; }) return shape::map;
  else if constexpr (requires { typename T::key_type; }) return shape::set;
  else if constexpr (requires(T & v, typename T::value_type x) { v.push_back(std::move(x)); }) return shape::sequence;
  else return shape::other;
}
template <class T>
consteval shape find_shape() {
  if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) return shape::scalar;
  else if constexpr (!std::is_class_v<T>) return shape::other;
  else if constexpr (has_fields<T>) return shape::fields;
  else if constexpr (opaque_aggregate<T>) return shape::other;
  else if constexpr (is_optional<T>) return shape::optional;
  else if constexpr (is_variant<T>) return shape::variant;
  else if constexpr (is_array<T>) return shape::array;
  else if constexpr (like_container<T>) return container_shape<T>();
  else if constexpr (like_time_span<T>) return shape::time_span;
  else if constexpr (like_instant<T>) return shape::instant;
  else if constexpr (like_tuple<T>) return shape::tuple;
  else return shape::other;
}

}  // namespace detail

/// The shape of `T`.
template <class T>
inline constexpr shape shape_of = detail::find_shape<T>();

namespace detail {

template <class... T>
struct type_list {};
template <class... T>
type_list<std::remove_cvref_t<T>...> list_of_tied(const std::tuple<T...>&);
template <class T, std::size_t... I>
type_list<std::remove_cv_t<std::tuple_element_t<I, T>>...> list_of_tuple(std::index_sequence<I...>);
template <class... T>
type_list<T...> list_of_variant(const std::variant<T...>&);

/// The types a value of `T` is made of, as a `type_list` in a pointer; empty for what can't be taken apart.
template <class T>
constexpr auto* parts_of() {
  constexpr shape s = shape_of<T>;
  if constexpr (names_its_fields<T>) {
    return static_cast<decltype(list_of_tied(freshet_fields(std::declval<T&>())))*>(nullptr);
  } else if constexpr (s == shape::fields) {
    return static_cast<decltype(list_of_tied(std::declval<fields_of<T>>()))*>(nullptr);
  } else if constexpr (s == shape::tuple) {
    return static_cast<decltype(list_of_tuple<T>(std::make_index_sequence<std::tuple_size_v<T>>()))*>(nullptr);
  } else if constexpr (s == shape::variant) {
    return static_cast<decltype(list_of_variant(std::declval<T>()))*>(nullptr);
  } else if constexpr (s == shape::array || s == shape::sequence || s == shape::set || s == shape::optional) {
    return static_cast<type_list<typename T::value_type>*>(nullptr);
  } else if constexpr (s == shape::map) {
    return static_cast<type_list<typename T::key_type, typename T::mapped_type>*>(nullptr);
  } else if constexpr (s == shape::time_span) {
    return static_cast<type_list<typename T::rep>*>(nullptr);
  } else if constexpr (s == shape::instant) {
    return static_cast<type_list<typename T::duration>*>(nullptr);
  } else if constexpr (std::is_array_v<T>) {
    return static_cast<type_list<std::remove_all_extents_t<T>>*>(nullptr);
  } else {
    return static_cast<type_list<>*>(nullptr);
  }
}

/// What a rule (a class with `ask<T>()`) says of a type.
enum class verdict : std::uint8_t { yes, no, parts_decide };

/// True when the rule holds for `T`, or for all its parts where it leaves it to them. A type met again within itself
/// (a tree) is taken as good there: its other parts decide.
template <class Rule, class T, class... Within>
consteval bool holds();
template <class Rule, class... Within, class... Parts>
consteval bool all_hold(type_list<Parts...>*) {
  return (holds<Rule, Parts, Within...>() && ...);
}
template <class Rule, class T, class... Within>
consteval bool holds() {
  if constexpr ((std::is_same_v<T, Within> || ...)) {
    return true;
  } else {
    constexpr verdict v = Rule::template ask<T>();
    if constexpr (v == verdict::parts_decide) return all_hold<Rule, T, Within...>(parts_of<T>());
    else return v == verdict::yes;
  }
}

}  // namespace detail
}  // namespace freshet
