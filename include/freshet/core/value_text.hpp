#pragma once
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>

#include "freshet/base/type_name.hpp"
#include "freshet/core/shape.hpp"

namespace freshet {
namespace detail {

/// Of a container so many elements are shown, and the number of the others.
inline constexpr std::size_t elements_shown = 20;

/// In quotation marks, with escapes as in C++.
void append_quoted(std::string& to, std::string_view text);
/// As in ISO 8601, in UTC, to the millisecond: 2024-05-01T12:00:00.250Z. False, and nothing is appended, beyond the
/// year 9999 and before 0.
bool append_iso_time(std::string& to, std::int64_t ms_since_epoch);

template <class T>
concept is_gone_through = requires(const T& v) {
  v.begin() == v.end();
  v.size();
};
template <class T>
concept is_pointer_like = requires(const T& v) {
  typename T::element_type;
  static_cast<bool>(v);
  *v;
};

template <class T>
void append_text(std::string& to, const T& value);

template <class... P>
void append_parts(std::string& to, std::string_view brackets, const P&... parts) {
  to += brackets[0];
  bool first = true;
  ((to += first ? "" : ", ", first = false, append_text(to, parts)), ...);
  to += brackets[1];
}
template <class C>
void append_elements(std::string& to, const C& all) {
  to += '[';
  std::size_t shown = 0;
  for (const auto& element : all) {
    if (shown != 0) to += ", ";
    if (shown++ == elements_shown) {
      to += std::to_string(all.size() - elements_shown) + " more";
      break;
    }
    if constexpr (shape_of<C> == shape::map) {
      append_text(to, element.first);
      to += ": ";
      append_text(to, element.second);
    } else {
      append_text(to, static_cast<const typename C::value_type&>(element));
    }
  }
  to += ']';
}
template <class T>
void append_number(std::string& to, T value) {
  char text[64];
  to.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

template <class T>
void append_text(std::string& to, const T& value) {
  constexpr shape is = shape_of<T>;
  if constexpr (std::same_as<T, bool>) to += value ? "true" : "false";
  else if constexpr (std::same_as<T, char>) append_quoted(to, {&value, 1});
  else if constexpr (std::is_arithmetic_v<T>) append_number(to, value);
  else if constexpr (std::is_convertible_v<const T&, std::string_view>) append_quoted(to, value);
  else if constexpr (is_pointer_like<T>) value ? append_text(to, *value) : void(to += "null");
  else if constexpr (is == shape::instant) {
    const auto since = value.time_since_epoch();
    if (!std::same_as<typename T::clock, std::chrono::system_clock> ||
        !append_iso_time(to, std::chrono::floor<std::chrono::milliseconds>(since).count()))
      append_text(to, since);
  } else if constexpr (requires(std::ostream & out) { out << value; } && std::is_class_v<T>) {
    std::ostringstream out;
    out << value;
    to += out.str();
  } else if constexpr (std::is_enum_v<T>) append_number(to, static_cast<std::underlying_type_t<T>>(value));
  else if constexpr (is == shape::fields)
    with_fields(value, [&to](const auto&... field) { append_parts(to, "{}", field...); });
  else if constexpr (is == shape::tuple)
    std::apply([&to](const auto&... part) { append_parts(to, "()", part...); }, value);
  else if constexpr (is == shape::optional) value ? append_text(to, *value) : void(to += "none");
  else if constexpr (is == shape::variant) std::visit([&to](const auto& active) { append_text(to, active); }, value);
  else if constexpr (is_gone_through<T>) append_elements(to, value);
  else to += "a " + readable_type_name<T>();
}

}  // namespace detail

/// A value as people read it, for logs and tests: 42, 0.5, "text", [1, 2], {7, "tea", none} for a class with fields in
/// their order, 2024-05-01T12:00:00.000Z for a time, ["a": 1] for a map, and what the type's own operator<< writes
/// where it has one. Of long containers only the beginning; a type that can't be looked into is its name. Not to be
/// read by programs: its form may change.
template <class T>
std::string value_text(const T& value) {
  std::string text;
  detail::append_text(text, value);
  return text;
}

}  // namespace freshet
