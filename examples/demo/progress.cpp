#include "progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace demo {

namespace {

// A terminal that says it is dumb can't go back on a line.
bool can_rewrite() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) && term && std::string_view(term) != "dumb";
}
constexpr std::string_view erase_line = "\r\033[K";

}  // namespace

progress::progress(std::string what, elsewhere shown)
    : what_(std::move(what)), terminal_(can_rewrite()), shown_(terminal_ || shown == elsewhere::lines) {
  if (terminal_) std::cout << erase_line << what_ << " ..." << std::flush;
  else if (shown_) std::cout << what_ << " ..." << std::endl;
}
progress::~progress() {
  if (terminal_) std::cout << erase_line << std::flush;
}
void progress::show(double done, const std::string& detail) {
  if (!shown_) return;
  const auto percent = static_cast<int>(std::clamp(done, 0.0, 1.0) * 100);
  std::cout << (terminal_ ? erase_line : "  ... ") << (terminal_ ? what_ + " ... " : "") << percent << " %, " << detail;
  if (terminal_) std::cout << std::flush;
  else std::cout << std::endl;
}
std::chrono::milliseconds progress::pause() const { return std::chrono::milliseconds(terminal_ ? 100 : 1000); }

}  // namespace demo
