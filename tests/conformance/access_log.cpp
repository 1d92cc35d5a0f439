#include "conformance/access_log.hpp"

#include <algorithm>

namespace freshet::conformance {

namespace {

/// Takes a line of the combined format apart, from left to right.
class combined_format {
 public:
  explicit combined_format(std::string_view line) : rest_(line) {}

  std::optional<log_line> parse() {
    log_line r;
    std::string name;
    const bool whole = word(r.client) && word(name) && word(name) && between('[', ']', r.time) && quoted(r.request) &&
                       word(r.status) && word(r.bytes) && quoted(r.referrer) && quoted(r.agent) && rest_.empty();
    if (!whole || !digits(r.status) || !(r.bytes == "-" || digits(r.bytes))) return std::nullopt;
    return r;
  }

 private:
  static bool digits(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  }
  /// The next `size` characters, and the blank behind them.
  bool take(std::size_t size, std::string& into) {
    into = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (rest_.starts_with(' ')) rest_.remove_prefix(1);
    return !into.empty();
  }
  bool word(std::string& into) { return take(std::min(rest_.find(' '), rest_.size()), into); }
  bool between(char open, char close, std::string& into) {
    const auto end = rest_.find(close, 1);
    if (!rest_.starts_with(open) || end == std::string_view::npos) return false;
    return take(end + 1, into);
  }
  /// A quote behind a backslash doesn't end it.
  bool quoted(std::string& into) {
    if (!rest_.starts_with('"')) return false;
    auto end = std::size_t{1};
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    return end < rest_.size() && take(end + 1, into);
  }

  std::string_view rest_;
};

}  // namespace

std::optional<log_line> parse_combined(std::string_view line) { return combined_format(line).parse(); }

}  // namespace freshet::conformance
