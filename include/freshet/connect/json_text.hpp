#pragma once
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "freshet/connect/file/field_names.hpp"
#include "freshet/connect/file/text_value.hpp"
#include "freshet/connect/line_format.hpp"
#include "freshet/core/fields.hpp"
#include "freshet/core/shape.hpp"

namespace freshet {

/// Appends `text` as a string of JSON: quoted, with what has to be escaped. Bytes beyond ASCII stay as they are.
void append_json_string(std::string& to, std::string_view text);
/// Appends a time, `since` its epoch in milliseconds since 1970, as ISO 8601 with milliseconds, in quotes, UTC.
void append_json_time(std::string& to, std::int64_t milliseconds);

namespace detail {
template <class T>
inline constexpr bool writes_as_json_list = shape_of<T> == shape::sequence;

template <class T>
consteval bool writes_as_json() {
  if constexpr (is_optional<T> || writes_as_json_list<T>) return writes_as_json<typename T::value_type>();
  else if constexpr (file::text_value<T>) return !file::reads_itself<T> || requires(std::ostream & s, const T& v) {
      s << v;
    };
  else if constexpr (has_fields<T>)
    return []<class... F>(type_list<F...>*) { return (writes_as_json<F>() && ...); }(parts_of<T>());
  else return false;
}

template <class T>
void append_json_value(std::string& to, const T& value);

template <class... F>
void append_json_members(std::string& to, const std::string_view* names, const F&... field) {
  to += names ? '{' : '[';
  std::size_t i = 0;
  const auto name = [&] {
    if (i != 0) to += ',';
    if (names) {
      append_json_string(to, names[i]);
      to += ':';
    }
    ++i;
  };
  ((name(), append_json_value(to, field)), ...);
  to += names ? '}' : ']';
}

template <class T>
void append_json_text(std::string& to, const T& value) {
  if constexpr (file::reads_itself<T>) {
    std::string text;
    line_format{}(text, value);
    append_json_string(to, text);
  } else if constexpr (std::is_same_v<T, bool>) {
    to += value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, char>) {
    append_json_string(to, {&value, 1});
  } else if constexpr (std::is_enum_v<T>) {
    append_json_text(to, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    if constexpr (std::is_floating_point_v<T>)
      if (!std::isfinite(value)) throw std::invalid_argument("JSON has no number for infinity and not-a-number");
    char text[64];
    to.append(text, std::to_chars(text, text + sizeof text, value).ptr);
  } else if constexpr (std::is_same_v<T, std::string>) {
    append_json_string(to, value);
  } else {
    append_json_time(to, std::chrono::floor<std::chrono::milliseconds>(value).time_since_epoch().count());
  }
}

template <class T>
void append_json_value(std::string& to, const T& value) {
  if constexpr (is_optional<T>) {
    if (value) append_json_value(to, *value);
    else to += "null";
  } else if constexpr (writes_as_json_list<T>) {
    to += '[';
    bool first = true;
    for (const typename T::value_type& each : value) {
      if (!std::exchange(first, false)) to += ',';
      append_json_value(to, each);
    }
    to += ']';
  } else if constexpr (file::text_value<T>) {
    append_json_text(to, value);
  } else {
    with_fields(value, [&](const auto&... field) {
      if constexpr (file::names_field_names<T>) {
        static_assert(sizeof...(field) == std::size(T::field_names),
                      "field_names has to name every field of the struct, in their order");
        append_json_members(to, std::begin(T::field_names), field...);
      } else {
        append_json_members(to, nullptr, field...);
      }
    });
  }
}
}  // namespace detail

/// Appends `value` as JSON (RFC 8259), in one line without blanks, so that `file::json_spout` and the Kafka spout read
/// the same value from it: a struct as an object by its `field_names`, without those as an array of its fields; lists
/// as arrays, an empty optional as null, times as ISO 8601 with milliseconds, enumerations as their numbers, types with
/// `freshet_from_text` as the text that their operator<< writes. Throws std::invalid_argument for a number that is not
/// finite.
template <class T>
void append_json(std::string& to, const T& value) {
  static_assert(detail::writes_as_json<T>(),
                "JSON needs a struct whose fields are bools, numbers, enumerations, std::strings, times of "
                "std::chrono::system_clock, types with freshet_from_text and operator<<, structs of these, or a "
                "std::optional or std::vector of one");
  if constexpr (detail::writes_as_json<T>()) detail::append_json_value(to, value);
}

}  // namespace freshet
