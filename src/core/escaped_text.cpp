#include "core/escaped_text.hpp"

namespace freshet {

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto b = byte(0);
  if (b < 0x80) return 1;
  const std::size_t n = b < 0xc2 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : b < 0xf5 ? 4 : 0;
  const auto low = b == 0xe0 ? 0xa0u : b == 0xf0 ? 0x90u : 0x80u;
  const auto high = b == 0xed ? 0x9fu : b == 0xf4 ? 0x8fu : 0xbfu;
  if (n == 0 || byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < n; ++i)
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  return n;
}

std::string_view backslashed(char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return {};
  }
}

std::string hex(unsigned char c, std::string_view before) {
  constexpr std::string_view digits = "0123456789abcdef";
  return std::string(before) + digits[c >> 4] + digits[c & 15];
}

std::string in_json(std::string_view text) {
  return '"' + escaped(text, backslashed, [](unsigned char c) { return hex(c, "\\u00"); }) + '"';
}
std::string in_text(std::string_view text) {
  return '"' + escaped(text, backslashed, [](unsigned char c) { return hex(c, "\\x"); }) + '"';
}

}  // namespace freshet
