#include "freshet/core/value_text.hpp"

#include <array>
#include <cstdio>

namespace freshet::detail {

void append_quoted(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (c == '\n') {
      to += "\\n";
    } else if (c == '\t') {
      to += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned>(c));
      to += escape.data();
    } else {
      to += c;
    }
  }
  to += '"';
}

bool append_iso_time(std::string& to, std::int64_t ms_since_epoch) {
  using namespace std::chrono;
  constexpr sys_days first{year{0} / 1 / 1}, behind{year{10'000} / 1 / 1};
  const sys_time<milliseconds> t{milliseconds{ms_since_epoch}};
  if (t < first || t >= behind) return false;
  const auto day = floor<days>(t);
  const year_month_day date{day};
  const hh_mm_ss time{t - day};
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  to += text.data();
  return true;
}

}  // namespace freshet::detail
