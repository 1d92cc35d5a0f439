#pragma once
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "freshet/connect/file/text_value.hpp"
#include "freshet/core/fields.hpp"

namespace freshet::file {

/// A struct that says what its fields are called in files, in their order:
///     static constexpr std::string_view field_names[] = {"id", "city"};
template <class T>
concept names_field_names = requires {
  std::string_view(*std::begin(T::field_names));
  std::end(T::field_names);
};

namespace detail {

template <class... F>
consteval bool all_text(freshet::detail::type_list<F...>*) {
  return (text_field<F> && ...);
}
template <class T>
inline constexpr bool all_text_fields = all_text(freshet::detail::parts_of<T>());

template <class... F>
std::vector<bool> which_optional(freshet::detail::type_list<F...>*) {
  return {freshet::detail::is_optional<F>...};
}
/// By field: whether it is an optional.
template <class T>
std::vector<bool> optional_fields() {
  return which_optional(freshet::detail::parts_of<T>());
}

/// As `read_text`; what a function of the user's throws is a reason too.
template <class T>
bool read_guarded(std::string_view text, T& value, const time_formats& formats, std::string& reason) {
  if constexpr (reads_itself<T>) {
    try {
      return read_text(text, value, formats);
    } catch (const std::exception& e) {
      reason = e.what();
      return false;
    }
  } else {
    return read_text(text, value, formats);
  }
}

}  // namespace detail
}  // namespace freshet::file
