#pragma once
#include <cstddef>
#include <string>
#include <string_view>

// Text between quotes, as the languages we write ask for it.
namespace freshet {

/// The length of the UTF-8 sequence that `text` begins with; 0 if there is none (Unicode 15, table 3-7).
std::size_t utf8_length(std::string_view text);

/// `text` with every character below 0x20, and every one that `special(char)` has a text for, replaced; bytes that are
/// no UTF-8 become U+FFFD.
template <class Special, class Control>
std::string escaped(std::string_view text, Special special, Control control) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto n = utf8_length(text.substr(i));
    const char c = text[i];
    if (n == 0) out += "\xef\xbf\xbd";
    else if (n > 1) out += text.substr(i, n);
    else if (const std::string_view s = special(c); !s.empty()) out += s;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) out += control(static_cast<unsigned char>(c));
    else out += c;
    i += n ? n : 1;
  }
  return out;
}

/// What stands for a character between double quotes in most languages; empty: itself.
std::string_view backslashed(char c);
/// Two digits behind `before`.
std::string hex(unsigned char c, std::string_view before);

/// With its quotes: a string of JSON, and one for people.
std::string in_json(std::string_view text);
std::string in_text(std::string_view text);

}  // namespace freshet
