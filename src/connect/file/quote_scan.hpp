#pragma once
#include <cstring>
#include <string_view>

namespace freshet::file {

/// Tells whether text of CSV ends within quotes. A quote opens where a field begins; what stands behind a closing
/// quote, and quotes within a field that isn't quoted or within a comment, are taken as they are.
class quote_scan {
 public:
  quote_scan(char separator, char quote, char comment) : separator_(separator), quote_(quote), comment_(comment) {}

  void restart() {
    scanned_ = 0;
    open_ = false;
  }
  /// Goes on behind what it has seen of `text`, the same that has grown. True: it ends within quotes.
  bool ends_open(std::string_view text) {
    if (comment_ != '\0' && text.starts_with(comment_)) return false;
    while (scanned_ < text.size()) {
      const auto at = text.find(quote_, scanned_);
      if (at == std::string_view::npos) {
        scanned_ = text.size();
      } else if (open_) {
        const bool doubled = at + 1 < text.size() && text[at + 1] == quote_;
        scanned_ = at + (doubled ? 2 : 1);
        open_ = doubled;
      } else {
        open_ = at == 0 || text[at - 1] == separator_;
        scanned_ = at + 1;
      }
    }
    return open_;
  }

 private:
  char separator_, quote_, comment_;
  std::size_t scanned_ = 0;
  bool open_ = false;
};

}  // namespace freshet::file
