#include "conformance/words.hpp"

#include <algorithm>

namespace freshet::conformance {

namespace {

/// The runs of characters for which `belongs`.
template <class F>
std::vector<std::string> runs(const std::string& line, F belongs) {
  std::vector<std::string> found;
  for (auto from = line.begin(); from != line.end();) {
    from = std::find_if(from, line.end(), belongs);
    const auto to = std::find_if_not(from, line.end(), belongs);
    if (from != to) found.emplace_back(from, to);
    from = to;
  }
  return found;
}

}  // namespace

std::vector<std::string> ascii_words(const std::string& line) {
  std::string lower = line;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return runs(lower, [](char c) { return c >= 'a' && c <= 'z'; });
}

std::vector<std::string> tokens(const std::string& line) {
  return runs(line, [](char c) { return c != ' ' && (c < '\t' || c > '\r'); });
}

}  // namespace freshet::conformance
