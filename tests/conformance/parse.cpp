#include "conformance/parse.hpp"

#include <chrono>

namespace freshet::conformance {

std::vector<std::string> split_csv(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') fields.back() += line[++i];
    else if (c == '"') quoted = !quoted;
    else if (c == ',' && !quoted) fields.emplace_back();
    else fields.back() += c;
  }
  if (quoted) throw std::invalid_argument("a quote that doesn't end: " + std::string(line));
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
  using namespace std::chrono;
  if (text.size() != 16 && text.size() != 19) throw std::invalid_argument("not a time: \"" + std::string(text) + '"');
  const auto part = [text](std::size_t at, std::size_t size) { return number<int>(text.substr(at, size)); };
  const sys_days day = year{part(0, 4)} / part(5, 2) / part(8, 2);
  const auto in_day = hours{part(11, 2)} + minutes{part(14, 2)} + seconds{text.size() == 19 ? part(17, 2) : 0};
  return milliseconds{day.time_since_epoch() + in_day}.count();
}

}  // namespace freshet::conformance
