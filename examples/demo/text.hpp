#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arguments.hpp"

namespace demo {

/// How often each word is there.
using word_counts = std::unordered_map<std::string, std::uint64_t>;

/// Calls `f(word)` for every word of a line: ASCII letters, as they are in `lower`, which is overwritten.
template <class F>
void each_word(std::string_view line, std::string& lower, F&& f) {
  lower.clear();
  for (const char c : line) {
    const auto folded = static_cast<unsigned char>(c | 0x20);
    if (folded >= 'a' && folded <= 'z') {
      lower.push_back(static_cast<char>(folded));
    } else if (!lower.empty()) {
      f(lower);
      lower.clear();
    }
  }
  if (!lower.empty()) f(lower);
}

/// The text to work on: some files, read several times over, and what a plain loop finds in it.
struct text {
  std::vector<std::string> files;  ///< each once
  std::vector<std::string> paths;  ///< all files, `repeat` times
  std::size_t repeat = 1;
  std::uint64_t bytes = 0, lines = 0, words = 0;  ///< of all repetitions
  word_counts counts;                             ///< of all repetitions: the answer that both engines must give

  /// Looks at every file. Throws usage_error naming each that can't be read.
  explicit text(const arguments& asked);
  /// Some lines of it, for the latency table.
  std::vector<std::string> sample(std::size_t most) const;
};

}  // namespace demo
