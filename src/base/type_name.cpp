#include "freshet/base/type_name.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>
#include <utility>
#include <vector>

namespace freshet {
namespace {

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$'; }

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

bool is_integer_word(std::string_view word) {
  constexpr std::array<std::string_view, 6> words = {"long", "unsigned", "signed", "short", "int", "char"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// The integer type of these words, in whatever order a compiler puts them, on a platform where long has 64 bits.
std::string_view integer_of(const std::vector<std::string_view>& words) {
  auto has = [&words](std::string_view word) { return std::find(words.begin(), words.end(), word) != words.end(); };
  const bool is_unsigned = has("unsigned");
  if (has("char")) return is_unsigned ? "std::uint8_t" : has("signed") ? "std::int8_t" : "char";
  if (has("short")) return is_unsigned ? "std::uint16_t" : "std::int16_t";
  if (has("long")) return is_unsigned ? "std::uint64_t" : "std::int64_t";
  return is_unsigned ? "std::uint32_t" : "int";
}

/// True for the argument that a std template has by default behind `first`.
bool is_default_behind(const std::string& first, const std::string& argument) {
  if (argument.starts_with("std::allocator<")) return true;
  for (std::string_view name : {"char_traits", "less", "hash", "equal_to", "default_delete"})
    if (argument == "std::" + std::string(name) + '<' + first + '>') return true;
  return false;
}

/// How many arguments of a library template are never defaults.
std::size_t own_arguments(std::string_view name) {
  const bool of_library = name.starts_with("std::") || name.starts_with("boost::");
  for (std::string_view all_own : {"std::pair", "std::tuple", "std::variant"})
    if (name == all_own || !of_library) return std::string_view::npos;
  return name.ends_with("map") ? 2 : 1;
}

/// The name std gives this instantiation, or none.
std::string_view std_alias(const std::string& text) {
  constexpr std::pair<std::string_view, std::string_view> aliases[] = {
      {"std::basic_string<char>", "std::string"},
      {"std::basic_string_view<char>", "std::string_view"},
      {"std::chrono::duration<std::int64_t, std::ratio<1, 1000000000>>", "std::chrono::nanoseconds"},
      {"std::chrono::duration<std::int64_t, std::ratio<1, 1000000>>", "std::chrono::microseconds"},
      {"std::chrono::duration<std::int64_t, std::ratio<1, 1000>>", "std::chrono::milliseconds"},
      {"std::chrono::duration<std::int64_t>", "std::chrono::seconds"},
      {"std::chrono::duration<std::int64_t, std::ratio<1>>", "std::chrono::seconds"},
      {"std::chrono::duration<std::int64_t, std::ratio<1, 1>>", "std::chrono::seconds"},
      {"std::chrono::duration<std::int64_t, std::ratio<60>>", "std::chrono::minutes"},
      {"std::chrono::duration<std::int64_t, std::ratio<60, 1>>", "std::chrono::minutes"},
      {"std::chrono::duration<std::int64_t, std::ratio<3600>>", "std::chrono::hours"},
      {"std::chrono::duration<std::int64_t, std::ratio<3600, 1>>", "std::chrono::hours"},
      {"std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>", "freshet::event_time"},
  };
  for (const auto& [spelled, alias] : aliases)
    if (text == spelled) return alias;
  return {};
}

/// `name<arguments>` as a person would write it.
std::string instantiation(std::string name, std::vector<std::string> arguments) {
  const std::size_t own = own_arguments(name);
  while (arguments.size() > own && is_default_behind(arguments.front(), arguments.back())) arguments.pop_back();
  std::string text = std::move(name) + '<';
  for (std::size_t i = 0; i < arguments.size(); ++i) text += (i ? ", " : "") + arguments[i];
  text += '>';
  const auto alias = std_alias(text);
  return alias.empty() ? text : std::string(alias);
}

/// Reads a compiler's name once, left to right, and writes it anew.
class name_reader {
 public:
  explicit name_reader(std::string_view in) : in_(in) {}

  /// The whole name; empty when its brackets don't match.
  std::string read() {
    std::string text = read_type();
    return at_ == in_.size() && !failed_ ? text : std::string();
  }

 private:
  /// Up to a comma or closing bracket that belongs to an outer type, or the end.
  std::string read_type() {
    std::string out;
    while (at_ < in_.size() && !failed_) {
      const char c = in_[at_];
      if (c == ',' || c == '>' || c == ')') break;
      if (skip_anonymous()) continue;
      if (clang_puts_a_blank_before(c) && out.ends_with(' ')) out.pop_back();
      if (std::isdigit(static_cast<unsigned char>(c))) out += read_number();
      else if (in_word(c)) out += read_words();
      else if (c == '<' && !out.empty() && in_word(out.back())) read_arguments(out);
      else if (c == '(') out += '(' + read_list(')') + ')';
      else if (c == '<' || c == '{' || c == '[') out += read_verbatim();
      else if (in_.substr(at_, 2) == "->") out += take(2);
      else if (c == '"' || c == '\'') out += read_literal();
      else out += take(1);
    }
    return trimmed(out);
  }

  static std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
    return first == std::string::npos ? std::string() : text.substr(first, last - first + 1);
  }
  std::string_view take(std::size_t n) {
    const auto taken = in_.substr(at_, n);
    at_ += taken.size();
    return taken;
  }

  /// Clang writes "int *" and "int (short)" where GCC leaves no blank.
  bool clang_puts_a_blank_before(char c) const {
    return c == '*' || c == '&' || (c == '(' && !in_.substr(at_).starts_with("(*"));
  }

  bool skip_anonymous() {
    for (std::string_view name : {"(anonymous namespace)::", "{anonymous}::", "<unnamed>::"}) {
      if (!in_.substr(at_).starts_with(name)) continue;
      at_ += name.size();
      return true;
    }
    return false;
  }

  std::string_view read_word() {
    std::size_t n = 0;
    while (at_ + n < in_.size() && in_word(in_[at_ + n])) ++n;
    return take(n);
  }
  /// 10ul -> 10
  std::string_view read_number() {
    auto number = read_word();
    if (number.starts_with("0x")) return number;
    while (number.size() > 1 && std::isalpha(static_cast<unsigned char>(number.back()))) number.remove_suffix(1);
    return number;
  }
  std::string read_words() {
    std::vector<std::string_view> words;
    while (at_ < in_.size()) {
      const auto before = at_;
      const auto word = read_word();
      if (is_integer_word(word)) {
        words.push_back(word);
        if (at_ + 1 < in_.size() && in_[at_] == ' ' && in_word(in_[at_ + 1])) ++at_;
        else break;
        continue;
      }
      if (words.empty()) return std::string(word);
      if (word == "double" || word == "__int128") return std::string(words.front()) + ' ' + std::string(word);
      at_ = before - 1;  // the blank in front of a word of another kind
      break;
    }
    return std::string(integer_of(words));
  }

  /// Appends the arguments of the template whose name `out` ends with.
  void read_arguments(std::string& out) {
    std::size_t begin = out.size();
    while (begin > 0 && (in_word(out[begin - 1]) || out[begin - 1] == ':')) --begin;
    std::string name = out.substr(begin);
    out.resize(begin);
    out += instantiation(std::move(name), read_types('>'));
  }
  std::vector<std::string> read_types(char close) {
    std::vector<std::string> all;
    ++at_;
    while (!failed_) {
      auto type = read_type();
      if (!type.empty() || !all.empty()) all.push_back(std::move(type));
      if (at_ >= in_.size() || (in_[at_] != ',' && in_[at_] != close)) failed_ = true;
      else if (in_[at_++] == close) break;
    }
    return all;
  }
  std::string read_list(char close) {
    std::string text;
    for (const auto& type : read_types(close)) text += (text.empty() ? "" : ", ") + type;
    return text;
  }
  /// A bracket that isn't a list of types, with all within it: "<lambda(int)>", "{lambda()#1}", "[3]".
  std::string read_verbatim() {
    std::string text;
    int depth = 0;
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '"' || c == '\'') {
        text += read_literal();
        continue;
      }
      depth += c == '<' || c == '{' || c == '[' || c == '(';
      depth -= (c == '>' && !text.ends_with('-')) || c == '}' || c == ']' || c == ')';
      text += take(1);
      if (depth == 0) return text;
    }
    failed_ = true;
    return text;
  }
  std::string read_literal() {
    const char quote = in_[at_];
    std::string text(take(1));
    while (at_ < in_.size()) {
      const bool escaped = in_[at_] == '\\';
      if (escaped) text += take(1);
      const char c = at_ < in_.size() ? in_[at_] : quote;
      text += take(1);
      if (c == quote && !escaped) return text;
    }
    failed_ = true;
    return text;
  }

  std::string_view in_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace

std::string readable_type_name(std::string_view compiler_name) {
  std::string unversioned(compiler_name);
  for (std::string_view version : {"std::__cxx11::", "std::__1::"}) replace_all(unversioned, version, "std::");
  replace_all(unversioned, "std::chrono::_V2::", "std::chrono::");
  std::string text = name_reader(unversioned).read();
  return text.empty() ? std::string(compiler_name) : text;
}

}  // namespace freshet
