#include "freshet/connect/json_text.hpp"

#include <cstdio>

namespace freshet {

namespace {
/// Two characters for what has a short form; else the code in hexadecimal.
void append_escaped(std::string& to, char c) {
  constexpr std::string_view plain = "\"\\\b\f\n\r\t", names = "\"\\bfnrt";
  to += '\\';
  if (const auto at = plain.find(c); at != plain.npos) {
    to += names[at];
    return;
  }
  constexpr char digits[] = "0123456789abcdef";
  to += "u00";
  to += digits[static_cast<unsigned char>(c) >> 4];
  to += digits[c & 15];
}
}  // namespace

void append_json_string(std::string& to, std::string_view text) {
  to += '"';
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') continue;
    to.append(text, done, i - done);
    append_escaped(to, c);
    done = i + 1;
  }
  to.append(text, done);
  to += '"';
}

void append_json_time(std::string& to, std::int64_t milliseconds) {
  const std::chrono::sys_time<std::chrono::milliseconds> at{std::chrono::milliseconds(milliseconds)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  char out[64];
  const int n = std::snprintf(out, sizeof out, "\"%04d-%02u-%02uT%02d:%02d:%02d.%03dZ\"", int(date.year()),
                              unsigned(date.month()), unsigned(date.day()), int(time.hours().count()),
                              int(time.minutes().count()), int(time.seconds().count()), int(time.subseconds().count()));
  to.append(out, static_cast<std::size_t>(n));
}

}  // namespace freshet
