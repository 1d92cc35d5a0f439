#include "freshet/connect/file/json_reader.hpp"

#include "connect/file/digit.hpp"
#include "connect/file/field_error.hpp"

namespace freshet::file {

void json_reader::begin(std::string_view text) {
  text_ = text;
  at_ = value_ = 0;
  first_.clear();
  failed_ = false;
  what_.clear();
  path_.clear();
}

// --- what is wrong ---

bool json_reader::fail(std::size_t at, std::string what) {
  if (failed_) return false;
  failed_ = true;
  offset_ = at;
  what_ = std::move(what);
  return false;
}

bool json_reader::fail_here(const char* expected) {
  return fail(at_, std::string("expected ") + expected + ", not " +
                       (at_ < text_.size() ? shown(text_.substr(at_, 1)) : "the end of the line"));
}

bool json_reader::expected(const std::string& what) {
  if (failed_) return false;
  at_ = value_;
  const auto from = value_;
  if (!skip()) return false;  // what is no JSON at all is told as such
  constexpr std::size_t most = 100;
  const auto found = text_.substr(from, at_ - from);
  return fail(from, "expected " + what + ", not " + std::string(found.substr(0, most)) +
                        (found.size() > most ? "... (" + std::to_string(found.size()) + " bytes)" : ""));
}

bool json_reader::missing(const std::string& what) { return fail(at_, what); }

bool json_reader::within(std::string_view name) {
  const bool index = !path_.empty() && path_[0] == '[';
  path_ = std::string(name) + (path_.empty() || index ? "" : ".") + path_;
  return false;
}

// --- pieces ---

void json_reader::blanks() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') return;
    ++at_;
  }
}

bool json_reader::take(char c) {
  if (at_ == text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool json_reader::take_word(std::string_view word) {
  if (!text_.substr(at_).starts_with(word)) return fail_here("a value");
  at_ += word.size();
  return true;
}

bool json_reader::digits() {
  const auto from = at_;
  while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  return at_ != from || fail_here("a digit");
}

bool json_reader::take_number() {
  take('-');
  if (!take('0') && !digits()) return false;
  if (take('.') && !digits()) return false;
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    return digits();
  }
  return true;
}

bool json_reader::hex(std::uint32_t& unit) {
  unit = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (is_digit(c)) unit = unit * 16 + static_cast<std::uint32_t>(c - '0');
    else if (c >= 'a' && c <= 'f') unit = unit * 16 + static_cast<std::uint32_t>(c - 'a' + 10);
    else if (c >= 'A' && c <= 'F') unit = unit * 16 + static_cast<std::uint32_t>(c - 'A' + 10);
    else return fail_here("four hexadecimal digits");
  }
  return true;
}

/// What follows "\u": one unit of UTF-16, or two that are one character together.
bool json_reader::unicode_escape() {
  std::uint32_t c = 0, low = 0;
  if (!hex(c)) return false;
  if (c >= 0xdc00 && c <= 0xdfff) return fail(at_ - 4, "half of a character, without the other before it");
  if (c >= 0xd800 && c <= 0xdbff) {
    if (!take('\\') || !take('u') || !hex(low) || low < 0xdc00 || low > 0xdfff)
      return fail(at_, "half of a character, without the other behind it");
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
  }
  const auto byte = [&](std::uint32_t b) { unescaped_ += static_cast<char>(b); };
  if (c < 0x80) return byte(c), true;
  if (c < 0x800) {
    byte(0xc0 | c >> 6);
  } else if (c < 0x10000) {
    byte(0xe0 | c >> 12);
    byte(0x80 | (c >> 6 & 0x3f));
  } else {
    byte(0xf0 | c >> 18);
    byte(0x80 | (c >> 12 & 0x3f));
    byte(0x80 | (c >> 6 & 0x3f));
  }
  byte(0x80 | (c & 0x3f));
  return true;
}

/// What follows a backslash.
bool json_reader::escape() {
  constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
  if (take('u')) return unicode_escape();
  const auto found = at_ < text_.size() ? names.find(text_[at_]) : std::string_view::npos;
  if (found == std::string_view::npos) return fail_here("an escape");
  unescaped_ += meanings[found];
  ++at_;
  return true;
}

/// Passes over a character of several bytes, if it is well-formed UTF-8 (the Unicode standard, table 3-7).
bool json_reader::code_point() {
  const auto byte = [&](std::size_t i) {
    return at_ + i < text_.size() ? static_cast<unsigned char>(text_[at_ + i]) : 0u;
  };
  const unsigned first = byte(0);
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  const unsigned least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  bool good = first >= 0xc2 && first <= 0xf4 && byte(1) >= least && byte(1) <= most;
  for (std::size_t i = 2; i < size; ++i) good = good && byte(i) >= 0x80 && byte(i) <= 0xbf;
  if (!good) return fail(at_, "bytes that are no UTF-8");
  at_ += size;
  return true;
}

/// The string whose first quote was taken.
bool json_reader::scan_string(std::string_view& text) {
  auto part = at_;  // not copied yet
  bool escaped = false;
  unescaped_.clear();
  while (at_ < text_.size()) {
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c == '"') {
      text = text_.substr(part, at_ - part);
      if (escaped) text = unescaped_.append(text);
      ++at_;
      return true;
    }
    if (c == '\\') {
      unescaped_.append(text_.substr(part, at_ - part));
      escaped = true;
      ++at_;
      if (!escape()) return false;
      part = at_;
    } else if (c < 0x20) {
      return fail(at_, "a control character in a string, not escaped");
    } else if (c < 0x80) {
      ++at_;
    } else if (!code_point()) {
      return false;
    }
  }
  return fail_here("the end of a string");
}

// --- values ---

json_reader::kind json_reader::peek() {
  if (failed_) return kind::nothing;
  blanks();
  value_ = at_;
  if (at_ == text_.size()) return kind::nothing;
  switch (text_[at_]) {
    case '{':
      return kind::object;
    case '[':
      return kind::array;
    case '"':
      return kind::string;
    case 't':
    case 'f':
      return kind::boolean;
    case 'n':
      return kind::null;
    default:
      return text_[at_] == '-' || is_digit(text_[at_]) ? kind::number : kind::nothing;
  }
}

bool json_reader::open(char bracket) {
  if (failed_) return false;
  blanks();
  if (first_.size() == most_levels)
    return fail(at_, "arrays and objects nested deeper than " + std::to_string(most_levels));
  if (!take(bracket)) return fail_here(bracket == '{' ? "an object" : "an array");
  first_.push_back(true);
  return true;
}
bool json_reader::open_object() { return open('{'); }
bool json_reader::open_array() { return open('['); }

/// Takes what is between elements. `found`: there is another.
bool json_reader::next(char closing, bool& found) {
  found = false;
  if (failed_) return false;
  blanks();
  if (take(closing)) {
    first_.pop_back();
    return true;
  }
  if (!first_.back() && !take(',')) return fail_here(closing == '}' ? "\",\" or \"}\"" : "\",\" or \"]\"");
  first_.back() = false;
  return found = true;
}

bool json_reader::next_element() {
  bool found = false;
  return next(']', found) && found;
}

bool json_reader::next_member(std::string_view& name) {
  bool found = false;
  return next('}', found) && found && name_of_member(name);
}

bool json_reader::name_of_member(std::string_view& name) {
  blanks();
  if (!take('"')) return fail_here("a member's name");
  if (!scan_string(name)) return false;
  blanks();
  return take(':') || fail_here("\":\"");
}

bool json_reader::read_string(std::string_view& text) {
  if (peek() != kind::string) return !failed_ && fail_here("a string");
  ++at_;
  return scan_string(text);
}

bool json_reader::read_literal(std::string_view& text) {
  const auto what = peek();
  const auto from = at_;
  const auto taken = what == kind::number    ? take_number()
                     : what == kind::boolean ? take_word(text_[at_] == 't' ? "true" : "false")
                     : what == kind::null    ? take_word("null")
                                             : !failed_ && fail_here("a value");
  text = text_.substr(from, at_ - from);
  return taken;
}

/// Not by recursion: what is nested is counted in `first_` either way.
bool json_reader::skip() {
  const auto level = first_.size();
  std::vector<bool> objects;
  std::string_view ignored;
  bool found = true;
  do {
    if (found) {
      const auto what = peek();
      if (what == kind::object || what == kind::array) {
        if (!open(text_[at_])) return false;
        objects.push_back(what == kind::object);
      } else if (!(what == kind::string ? read_string(ignored) : read_literal(ignored))) {
        return false;
      }
    }
    if (first_.size() == level) return true;
    if (!next(objects.back() ? '}' : ']', found)) return false;
    if (!found) objects.pop_back();
    else if (objects.back() && !name_of_member(ignored)) return false;
  } while (found || first_.size() > level);
  return true;
}

bool json_reader::finish() {
  if (failed_) return false;
  blanks();
  return at_ == text_.size() || fail_here("the end of the line");
}

}  // namespace freshet::file
