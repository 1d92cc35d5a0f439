#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arguments.hpp"
#include "interruption.hpp"

namespace demo {

/// How often each word is there.
using word_counts = std::unordered_map<std::string, std::uint64_t>;

inline bool is_letter(char c) {
  const auto folded = static_cast<unsigned char>(c | 0x20);
  return folded >= 'a' && folded <= 'z';
}
/// Calls `f(word)` for every word of a line: ASCII letters, as they are in `lower`, which is overwritten.
template <class F>
void each_word(std::string_view line, std::string& lower, F&& f) {
  lower.clear();
  for (const char c : line) {
    if (is_letter(c)) {
      lower.push_back(static_cast<char>(c | 0x20));
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

  /// Looks at every file, and reads it once; a signal ends that. Throws usage_error naming each that can't be read.
  text(const arguments& asked, const interruption& interrupted);
  /// Some lines of it, or their beginnings, for the latency table.
  std::vector<std::string> sample(std::size_t most) const;

 private:
  void read_once(const interruption& interrupted);
};

}  // namespace demo
