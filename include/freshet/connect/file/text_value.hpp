#pragma once
#include <charconv>
#include <chrono>
#include <concepts>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "freshet/base/type_name.hpp"
#include "freshet/core/shape.hpp"

// How the text of a field becomes a value, for the spouts that read files of fields.
namespace freshet::file {

/// A time as ISO 8601 writes it; see `time_format`.
inline constexpr std::string_view iso_8601 = "ISO 8601";

/// The ways in which times are written, tried in this order. Empty: ISO 8601.
///
/// ISO 8601: "2015-09-12", "2015-09-12T00:46:58.771Z", with a blank for the T, seconds and their fraction left out, an
/// offset as "+02:00", "+0200" or "+02". Others are patterns of strftime(3): %Y %y %m %d %e %H %I %p %M %S (with a
/// fraction, if there is one) %b %B %a %A %j %z %Z (UTC, GMT or Z), %F %T %R %D, %s (seconds since 1970), %n %t and
/// blanks for any blanks, and besides %Q for milliseconds since 1970. Names are English. Without an offset a time is
/// UTC. Digits beyond what the type holds are cut off, towards the past.
using time_formats = std::vector<std::string>;

/// Reads all of `text` as a time in nanoseconds beyond whole seconds since 1970. False when no format fits.
bool read_time(std::string_view text, const time_formats& formats, std::int64_t& seconds, std::int32_t& nanoseconds);
/// "true", "t", "yes", "y", "on", "1" and their opposites, in capital letters too.
bool read_bool(std::string_view text, bool& value);
bool read_number(std::string_view text, float& value);
bool read_number(std::string_view text, double& value);
bool read_number(std::string_view text, long double& value);
/// Without blanks and tabs at both ends.
std::string_view trimmed(std::string_view text);

/// A type of the user's that reads itself, through a hidden friend that says whether it could:
///     friend bool freshet_from_text(std::string_view text, colour& c);
/// For an enumeration, a function beside it.
template <class T>
concept reads_itself = requires(std::string_view text, T& value) {
  { freshet_from_text(text, value) } -> std::convertible_to<bool>;
};
namespace detail {
template <class T>
inline constexpr bool is_wall_clock_time = false;
template <class D>
inline constexpr bool is_wall_clock_time<std::chrono::sys_time<D>> = true;
}  // namespace detail

/// A type that one field of text can be: bool, integers, floating point, char (one byte), enumerations (their number,
/// or what `freshet_from_text` reads), std::string, times of the system's clock (`event_time`, `sys_days`), and types
/// that read themselves.
template <class T>
concept text_value = reads_itself<T> || std::is_arithmetic_v<T> || std::is_enum_v<T> || std::same_as<T, std::string> ||
    detail::is_wall_clock_time<T>;
/// The same, or an optional of it.
template <class T>
concept text_field = text_value<T> ||(freshet::detail::is_optional<T>&& text_value<typename T::value_type>);

/// What a field of this type should have been: "an integer from 0 to 255".
template <text_value T>
std::string expected_text(const time_formats& formats) {
  if constexpr (reads_itself<T>) {
    return "a " + readable_type_name<T>();
  } else if constexpr (std::is_enum_v<T>) {
    return "the number of a " + readable_type_name<T>();
  } else if constexpr (std::same_as<T, bool>) {
    return "true or false";
  } else if constexpr (std::same_as<T, char>) {
    return "one character";
  } else if constexpr (std::is_integral_v<T>) {
    return "an integer from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
           std::to_string(std::numeric_limits<T>::max());
  } else if constexpr (std::is_floating_point_v<T>) {
    return "a number";
  } else if constexpr (std::same_as<T, std::string>) {
    return "text";
  } else {
    std::string all;
    for (const auto& f : formats) all += (all.empty() ? "" : " or ") + f;
    return "a time (" + (all.empty() ? std::string(iso_8601) : all) + ")";
  }
}

/// Reads all of `text` as a `T`. False: it is none, and `value` may be anything. Blanks around it count for text only.
template <text_value T>
bool read_text(std::string_view text, T& value, const time_formats& formats) {
  if constexpr (reads_itself<T>) {
    return freshet_from_text(text, value);
  } else if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> number{};
    if (!read_text(text, number, formats)) return false;
    value = static_cast<T>(number);
    return true;
  } else if constexpr (std::same_as<T, std::string>) {
    value.assign(text);
    return true;
  } else if constexpr (std::same_as<T, char>) {
    if (text.size() != 1) return false;
    value = text[0];
    return true;
  } else if constexpr (std::same_as<T, bool>) {
    return read_bool(trimmed(text), value);
  } else if constexpr (std::is_floating_point_v<T>) {
    return read_number(trimmed(text), value);
  } else if constexpr (std::is_integral_v<T>) {
    text = trimmed(text);
    if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size();
  } else {
    // Everything qualified: a user may have a function of his own called seconds.
    using D = typename T::duration;
    using seconds = std::chrono::seconds;
    std::int64_t s = 0;
    std::int32_t ns = 0;
    if (!read_time(trimmed(text), formats, s, ns)) return false;
    // In two parts: nanoseconds since 1970 end in 2262. Days and the like take the whole seconds only.
    if constexpr (std::ratio_less_equal_v<typename D::period, std::ratio<1>>) {
      constexpr auto a_second = std::chrono::duration_cast<D>(seconds{1}).count();
      if (s > std::numeric_limits<std::int64_t>::max() / a_second - 1 ||
          s < std::numeric_limits<std::int64_t>::min() / a_second + 1)
        return false;
      value = T{D{seconds{s}} + std::chrono::floor<D>(std::chrono::nanoseconds{ns})};
    } else {
      value = T{std::chrono::floor<D>(seconds{s})};
    }
    return true;
  }
}

}  // namespace freshet::file
