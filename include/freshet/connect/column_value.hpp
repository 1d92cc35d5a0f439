#pragma once
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

#include "freshet/base/event_time.hpp"
#include "freshet/core/shape.hpp"

// What a column of a database can hold: the same for every sink that writes rows by a SQL statement.
namespace freshet {

namespace detail {
template <class V>
concept column_character = std::same_as<V, char> || std::same_as<V, wchar_t> || std::same_as<V, char8_t> ||
    std::same_as<V, char16_t> || std::same_as<V, char32_t>;
template <class V>
concept column_number = std::is_enum_v<V> ||(std::integral<V> && !column_character<V>);
template <class V>
concept column_real = std::same_as<V, float> || std::same_as<V, double>;
template <class V>
concept column_text = std::convertible_to<const V&, std::string_view>;
template <class V>
concept column_bytes = std::convertible_to<const V&, std::span<const std::byte>>;

/// Whether an integer or an enumeration has a sign.
template <column_number V>
consteval bool is_signed_column() {
  if constexpr (std::is_enum_v<V>) return std::is_signed_v<std::underlying_type_t<V>>;
  else return std::is_signed_v<V>;
}
}  // namespace detail

/// A type that one parameter of a statement can be: bool, integers, enumerations, float and double, text, bytes
/// (`std::vector<std::byte>`), `event_time`. No characters: nobody can tell whether 'A' is meant as a text or as 65.
template <class V>
concept column_value = detail::column_number<V> || detail::column_real<V> || detail::column_text<V> ||
    detail::column_bytes<V> || std::same_as<V, event_time>;
/// The same, or an optional of it.
template <class V>
concept column_field = column_value<V> ||(detail::is_optional<V>&& column_value<typename V::value_type>);

namespace detail {
template <class... F>
consteval bool all_column_fields(type_list<F...>*) {
  return (column_field<F> && ...);
}
}  // namespace detail

}  // namespace freshet
