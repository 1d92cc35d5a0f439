#include "connect/file/field_error.hpp"

namespace freshet::file {

std::string in_quotes(std::string_view text) { return std::string("\"").append(text).append("\""); }

std::string shown(std::string_view text) {
  constexpr std::size_t most = 100;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') out += "\\n";
    else if (c == '\r') out += "\\r";
    else if (c == '\t') out += "\\t";
    else if (byte < 0x20 || byte == 0x7f) (out += "\\x") += {digits[byte >> 4], digits[byte & 15]};
    else out += c;
  }
  out += '"';
  if (text.size() > most) out += "... (" + std::to_string(text.size()) + " bytes)";
  return out;
}

}  // namespace freshet::file
