#pragma once
#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

// Reading the shared files. All of these throw std::invalid_argument, with the text, for what they can't read.
namespace freshet::conformance {

/// The fields of one line of CSV; quoted ones may hold commas, and quotes written twice.
std::vector<std::string> split_csv(std::string_view line);
/// What is between runs of blanks and tabs.
std::vector<std::string> split_blanks(std::string_view line);

/// All of `text` as a number.
template <class Number = std::int64_t>
Number number(std::string_view text) {
  Number n{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::invalid_argument("not a number: \"" + std::string(text) + '"');
  return n;
}
/// A decimal fraction as a whole number of its smallest unit: fixed("-12.3", 2) is -1230. Exact: further decimals that
/// aren't zeros are refused.
std::int64_t fixed(std::string_view text, int decimals);
/// "2010-12-01 08:26:00", seconds may be left out, as milliseconds since 1970 in UTC.
std::int64_t utc_ms(std::string_view text);
/// The same with the time of day as "08:26" or "08:26:00".
std::int64_t utc_ms(int year, int month, int day, std::string_view time);

}  // namespace freshet::conformance
