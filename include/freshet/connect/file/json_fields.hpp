#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "freshet/base/type_name.hpp"
#include "freshet/connect/file/field_names.hpp"
#include "freshet/connect/file/json_reader.hpp"

// How values of JSON become fields of a struct.
namespace freshet::file::detail {

template <class T>
inline constexpr bool is_list = shape_of<T> == shape::sequence;

/// What one value of JSON can be.
template <class T>
consteval bool reads_from_json() {
  if constexpr (text_value<T>) return true;
  else if constexpr (freshet::detail::is_optional<T> || is_list<T>) return reads_from_json<typename T::value_type>();
  else if constexpr (has_fields<T> && std::is_default_constructible_v<T>)
    return []<class... F>(freshet::detail::type_list<F...>*) {
      return (reads_from_json<F>() && ...);
    }(freshet::detail::parts_of<T>());
  else return false;
}

using names_of_fields = std::span<const std::string_view>;

/// The names that a struct gives its fields itself; none where it doesn't.
template <class T>
const std::vector<std::string_view>& own_names() {
  static const std::vector<std::string_view> names = [] {
    if constexpr (names_field_names<T>)
      return std::vector<std::string_view>(std::begin(T::field_names), std::end(T::field_names));
    else return std::vector<std::string_view>{};
  }();
  return names;
}

template <class T>
bool read_json_fields(json_reader& in, T& value, names_of_fields names, const time_formats& times);

template <class T>
bool read_json_text(json_reader& in, T& value, const time_formats& times) {
  using kind = json_reader::kind;
  const auto what = in.peek();
  std::string_view text;
  std::string reason;
  const auto no = [&] { return in.expected(expected_text<T>(times) + (reason.empty() ? "" : " (" + reason + ")")); };
  constexpr bool number = std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>;
  if constexpr (std::is_same_v<T, bool>) {
    if (what != kind::boolean) return no();
  } else if constexpr (number) {
    if (what != kind::number && what != kind::string) return no();
  } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, char>) {
    if (what != kind::string) return no();
  } else {
    if (what != kind::string && what != kind::number && what != kind::boolean) return no();
  }
  if (what == kind::string ? !in.read_string(text) : !in.read_literal(text)) return false;
  return read_guarded(text, value, times, reason) || no();
}

template <class T>
bool read_json(json_reader& in, T& value, const time_formats& times) {
  if constexpr (text_value<T>) {
    return read_json_text(in, value, times);
  } else if constexpr (freshet::detail::is_optional<T>) {
    std::string_view ignored;
    if (in.peek() != json_reader::kind::null) return read_json(in, value.emplace(), times);
    value.reset();
    return in.read_literal(ignored);
  } else if constexpr (is_list<T>) {
    if (in.peek() != json_reader::kind::array) return in.expected("an array");
    value.clear();
    in.open_array();
    while (in.next_element()) {
      typename T::value_type element{};
      if (!read_json(in, element, times)) return in.within("[" + std::to_string(value.size()) + "]");
      value.push_back(std::move(element));
    }
    return !in.failed();
  } else {
    return read_json_fields(in, value, own_names<T>(), times);
  }
}

/// A field for which there is no value.
template <class F>
bool lacks_json(json_reader& in, std::string_view name, const time_formats& times) {
  if constexpr (freshet::detail::is_optional<F>) {
    return true;
  } else {
    std::string what = "a value";
    if constexpr (text_value<F>) what = expected_text<F>(times);
    in.missing("expected " + what + ", but there is none");
    return in.within(name);
  }
}

/// The field's place in an array, for messages.
inline std::string in_brackets(std::size_t i) { return "[" + std::to_string(i) + "]"; }

template <class... F>
bool read_json_members(json_reader& in, names_of_fields names, const time_formats& times, F&... field) {
  std::array<bool, sizeof...(F)> seen{};
  std::size_t likely = 0;  // members mostly come in the order of the fields
  in.open_object();
  for (std::string_view name; in.next_member(name);) {
    std::size_t found = likely, tried = 0;
    for (; tried < names.size() && names[found] != name; ++tried) found = found + 1 == names.size() ? 0 : found + 1;
    if (tried == names.size()) {
      if (!in.skip()) return false;
      continue;
    }
    likely = found + 1 == names.size() ? 0 : found + 1;
    seen[found] = true;
    std::size_t i = 0;
    const bool good = ((i++ != found || read_json(in, field, times)) && ...);
    if (!good) return in.within(names[found]);
  }
  std::size_t i = 0;
  return !in.failed() && ((seen[i] ? (++i, true) : lacks_json<F>(in, names[i++], times)) && ...);
}

template <class... F>
bool read_json_elements(json_reader& in, const time_formats& times, F&... field) {
  std::size_t i = 0;
  bool open = in.open_array();
  const bool good = open && ([&] {
                      if (!open) return lacks_json<F>(in, in_brackets(i++), times);
                      const auto at = i++;
                      open = in.next_element();
                      if (in.failed()) return false;
                      if (!open) return lacks_json<F>(in, in_brackets(at), times);
                      return read_json(in, field, times) || in.within(in_brackets(at));
                    }() && ...);
  if (!good || !open) return good;
  if (!in.next_element()) return !in.failed();
  return in.missing("expected an array of " + std::to_string(sizeof...(F)) + ", not of more");
}

/// A struct, from an object by `names`, or from an array.
template <class T>
bool read_json_fields(json_reader& in, T& value, names_of_fields names, const time_formats& times) {
  const auto what = in.peek();
  if (what == json_reader::kind::object && !names.empty())
    return with_fields(value, [&](auto&... field) { return read_json_members(in, names, times, field...); });
  if (what == json_reader::kind::array)
    return with_fields(value, [&](auto&... field) { return read_json_elements(in, times, field...); });
  if (!names.empty()) return in.expected("an object");
  const bool lacks_names = what == json_reader::kind::object;
  return in.expected(lacks_names ? "an array, as " + readable_type_name<T>() + " has no field_names" : "an array");
}

}  // namespace freshet::file::detail
