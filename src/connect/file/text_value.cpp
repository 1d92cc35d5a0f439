#include "freshet/connect/file/text_value.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "connect/file/digit.hpp"

namespace freshet::file {

namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view text, std::string_view word) {
  return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

template <class T>
bool read_floating(std::string_view text, T& value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

constexpr std::array<std::string_view, 12> months = {"January",   "February", "March",    "April",
                                                     "May",       "June",     "July",     "August",
                                                     "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> weekdays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                      "Thursday", "Friday", "Saturday"};

/// A time in parts, and the text that is left.
class time_text {
 public:
  explicit time_text(std::string_view text) : rest_(text) {}

  bool iso();
  bool pattern(std::string_view format);
  bool result(std::int64_t& seconds, std::int32_t& nanoseconds) const;

 private:
  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool blanks() {
    while (!rest_.empty() && is_blank(rest_[0])) rest_.remove_prefix(1);
    return true;
  }
  /// At least `least` digits, at most `most`.
  template <class Number>
  bool digits(Number& n, std::size_t least, std::size_t most, std::int64_t from, std::int64_t to) {
    std::size_t size = 0;
    while (size < std::min(most, rest_.size()) && is_digit(rest_[size])) ++size;
    std::int64_t read = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + size, read);
    if (size < least || error != std::errc{} || read < from || read > to) return false;
    n = static_cast<Number>(read);
    rest_.remove_prefix(size);
    return true;
  }
  bool fraction();
  bool offset();
  bool epoch(std::int64_t a_second);
  bool date() {
    return digits(year_, 4, 4, 0, 9999) && take('-') && digits(month_, 2, 2, 1, 12) && take('-') &&
           digits(day_, 2, 2, 1, 31);
  }
  bool second() { return digits(second_, 1, 2, 0, 60) && fraction(); }
  template <std::size_t N>
  bool name(const std::array<std::string_view, N>& names, unsigned& index);
  bool conversion(char what);

  std::string_view rest_;
  int year_ = 1970, hour_ = 0, minute_ = 0, second_ = 0, half_ = -1;
  unsigned month_ = 1, day_ = 1, day_of_year_ = 0;
  std::int32_t nanoseconds_ = 0;
  std::int64_t offset_ = 0;  // seconds east of UTC
  bool since_1970_ = false;
  std::int64_t seconds_ = 0;
};

bool time_text::fraction() {
  if (rest_.size() < 2 || (rest_[0] != '.' && rest_[0] != ',') || !is_digit(rest_[1])) return true;
  rest_.remove_prefix(1);
  std::int32_t unit = 100'000'000;
  for (; !rest_.empty() && is_digit(rest_[0]); rest_.remove_prefix(1), unit /= 10)
    nanoseconds_ += unit * (rest_[0] - '0');
  return true;
}

/// "Z", "+02:00", "+0200" or "+02".
bool time_text::offset() {
  if (take('Z') || take('z')) return true;
  const bool west = !rest_.empty() && rest_[0] == '-';
  int hours = 0, minutes = 0;
  if (!take('-') && !take('+')) return false;
  if (!digits(hours, 2, 2, 0, 23)) return false;
  const bool more = take(':') || (!rest_.empty() && is_digit(rest_[0]));
  if (more && !digits(minutes, 2, 2, 0, 59)) return false;
  offset_ = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
  return true;
}

bool time_text::iso() {
  if (!date()) return false;
  if (at_end()) return true;
  if (!take('T') && !take('t') && !take(' ')) return false;
  if (!digits(hour_, 2, 2, 0, 24) || !take(':') || !digits(minute_, 2, 2, 0, 59)) return false;
  if (take(':') && !(digits(second_, 2, 2, 0, 60) && fraction())) return false;
  if (hour_ == 24 && (minute_ != 0 || second_ != 0 || nanoseconds_ != 0)) return false;
  blanks();
  return at_end() || (offset() && at_end());
}

/// A number of units since 1970, perhaps negative, perhaps with a fraction.
bool time_text::epoch(std::int64_t a_second) {
  const bool negative = take('-');
  std::int64_t n = 0;
  if (!digits(n, 1, 18, 0, std::numeric_limits<std::int64_t>::max())) return false;
  since_1970_ = true;
  seconds_ = n / a_second;
  nanoseconds_ = static_cast<std::int32_t>(n % a_second * (1'000'000'000 / a_second));
  if (a_second == 1) fraction();
  if (!negative) return true;
  seconds_ = -seconds_ - (nanoseconds_ != 0);
  if (nanoseconds_ != 0) nanoseconds_ = 1'000'000'000 - nanoseconds_;
  return true;
}

/// A full name, or its first three letters.
template <std::size_t N>
bool time_text::name(const std::array<std::string_view, N>& names, unsigned& index) {
  for (index = 0; index < N; ++index)
    for (const auto size : {names[index].size(), std::size_t{3}})
      if (same_word(rest_.substr(0, size), names[index].substr(0, size))) {
        rest_.remove_prefix(size);
        return true;
      }
  return false;
}

bool time_text::conversion(char what) {
  unsigned index = 0;
  switch (what) {
    case 'Y':
      return digits(year_, 4, 4, 0, 9999);
    case 'y':
      if (!digits(year_, 2, 2, 0, 99)) return false;
      year_ += year_ < 69 ? 2000 : 1900;  // as POSIX has it
      return true;
    case 'm':
      return digits(month_, 1, 2, 1, 12);
    case 'd':
    case 'e':
      return blanks() && digits(day_, 1, 2, 1, 31);
    case 'j':
      return digits(day_of_year_, 1, 3, 1, 366);
    case 'b':
    case 'B':
    case 'h':
      if (!name(months, index)) return false;
      month_ = index + 1;
      return true;
    case 'a':
    case 'A':
      return name(weekdays, index);
    case 'H':
      return digits(hour_, 1, 2, 0, 23);
    case 'I':
      return digits(hour_, 1, 2, 1, 12);
    case 'p':
      half_ = !rest_.empty() && lower(rest_[0]) == 'p';
      if (!same_word(rest_.substr(0, 2), half_ ? "pm" : "am")) return false;
      rest_.remove_prefix(2);
      return true;
    case 'M':
      return digits(minute_, 1, 2, 0, 59);
    case 'S':
      return second();
    case 'z':
      return offset();
    case 'Z':
      for (const std::string_view zone : {"UTC", "GMT", "Z"})
        if (same_word(rest_.substr(0, zone.size()), zone)) return rest_.remove_prefix(zone.size()), true;
      return false;
    case 'F':
      return date();
    case 'D':
      return pattern("%m/%d/%y");
    case 'R':
      return pattern("%H:%M");
    case 'T':
      return pattern("%H:%M:%S");
    case 's':
      return epoch(1);
    case 'Q':
      return epoch(1000);
    case 'n':
    case 't':
      return blanks();
    default:
      return what == '%' && take('%');
  }
}

bool time_text::pattern(std::string_view format) {
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] == '%' && i + 1 < format.size()) {
      if (!conversion(format[++i])) return false;
    } else if (is_blank(format[i])) {
      blanks();
    } else if (!take(format[i])) {
      return false;
    }
  }
  return true;
}

bool time_text::result(std::int64_t& seconds, std::int32_t& nanoseconds) const {
  using namespace std::chrono;
  if (!at_end()) return false;
  nanoseconds = nanoseconds_;
  seconds = seconds_;
  if (since_1970_) return true;
  const year_month_day date{year{year_}, month{month_}, day{day_}};
  if (!date.ok()) return false;
  sys_days days = date;
  if (day_of_year_) days = sys_days{year{year_} / 1 / 1} + std::chrono::days{day_of_year_ - 1};
  if (day_of_year_ == 366 && !year{year_}.is_leap()) return false;
  const int hour = half_ < 0 ? hour_ : hour_ % 12 + 12 * half_;
  seconds = days.time_since_epoch().count() * std::int64_t{86'400} + hour * 3600 + minute_ * 60 + second_ - offset_;
  return true;
}

}  // namespace

bool read_time(std::string_view text, const time_formats& formats, std::int64_t& seconds, std::int32_t& nanoseconds) {
  const auto reads = [&](std::string_view format) {
    time_text t{text};
    return (format == iso_8601 ? t.iso() : t.pattern(format)) && t.result(seconds, nanoseconds);
  };
  if (formats.empty()) return reads(iso_8601);
  return std::any_of(formats.begin(), formats.end(), reads);
}

bool read_bool(std::string_view text, bool& value) {
  for (const std::string_view yes : {"true", "1", "t", "yes", "y", "on"})
    if (same_word(text, yes)) return value = true;
  for (const std::string_view no : {"false", "0", "f", "no", "n", "off"})
    if (same_word(text, no)) return !(value = false);
  return false;
}

bool read_number(std::string_view text, float& value) { return read_floating(text, value); }
bool read_number(std::string_view text, double& value) { return read_floating(text, value); }
bool read_number(std::string_view text, long double& value) { return read_floating(text, value); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace freshet::file
