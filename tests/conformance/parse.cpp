#include "conformance/parse.hpp"

#include <chrono>

namespace freshet::conformance {

namespace {

/// The field that begins at `from`, which then is behind its end: the comma's place, or the line's end.
std::string take_field(std::string_view line, std::size_t& from) {
  std::string field;
  for (bool quoted_before = false; from < line.size() && line[from] == '"'; quoted_before = true) {
    const auto end = line.find('"', from + 1);
    if (end == std::string_view::npos) throw std::invalid_argument("a quote that doesn't end: " + std::string(line));
    if (quoted_before) field += '"';  // that which ended the part before, and began this one, is one
    field += line.substr(from + 1, end - from - 1);
    from = end + 1;
  }
  const auto comma = std::min(line.find(',', from), line.size());
  field += line.substr(from, comma - from);
  from = comma;
  return field;
}

}  // namespace

std::vector<std::string> split_csv(std::string_view line) {
  std::vector<std::string> fields;
  fields.reserve(16);
  for (std::size_t from = 0; from <= line.size(); ++from) fields.push_back(take_field(line, from));
  return fields;
}

std::vector<std::string> split_blanks(std::string_view line) {
  constexpr auto blanks = " \t";
  std::vector<std::string> fields;
  for (auto from = line.find_first_not_of(blanks); from != std::string_view::npos;) {
    const auto to = std::min(line.find_first_of(blanks, from), line.size());
    fields.emplace_back(line.substr(from, to - from));
    from = line.find_first_not_of(blanks, to);
  }
  return fields;
}

std::int64_t fixed(std::string_view text, int decimals) {
  const bool negative = text.starts_with('-');
  const auto digits = text.substr(negative ? 1 : 0);
  const auto point = std::min(digits.find('.'), digits.size());
  std::string whole(digits.substr(0, point));
  std::string fraction(digits.substr(std::min(point + 1, digits.size())));
  while (std::ssize(fraction) < decimals) fraction += '0';
  if (fraction.find_first_not_of('0', static_cast<std::size_t>(decimals)) != std::string::npos)
    throw std::invalid_argument("more than " + std::to_string(decimals) + " decimals: \"" + std::string(text) + '"');
  const auto units = number(whole + fraction.substr(0, static_cast<std::size_t>(decimals)));
  return negative ? -units : units;
}

std::int64_t utc_ms(std::string_view text) {
  if (text.size() < 16) throw std::invalid_argument("not a time: \"" + std::string(text) + '"');
  const auto part = [text](std::size_t at, std::size_t size) { return number<int>(text.substr(at, size)); };
  return utc_ms(part(0, 4), part(5, 2), part(8, 2), text.substr(11));
}

std::int64_t utc_ms(int year, int month, int day, std::string_view time) {
  using namespace std::chrono;
  if (time.size() != 5 && time.size() != 8) throw std::invalid_argument("not a time: \"" + std::string(time) + '"');
  const auto part = [time](std::size_t at) { return number<int>(time.substr(at, 2)); };
  const sys_days date = std::chrono::year{year} / month / day;
  const auto in_day = hours{part(0)} + minutes{part(3)} + seconds{time.size() == 8 ? part(6) : 0};
  return milliseconds{date.time_since_epoch() + in_day}.count();
}

}  // namespace freshet::conformance
