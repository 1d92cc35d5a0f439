#pragma once
#include <cstdint>
#include <string>

namespace freshet::conformance {

struct numbered_line {
  std::int64_t number = 0;  ///< from 0
  std::string text;
};

/// Numbers the lines of one file: its place is right behind a spout of one partition, by a global grouping. (Not under
/// at_least_once: a line that is replayed gets another number.)
struct number_lines {
  using state = std::int64_t;
  numbered_line process(const std::string& line, state& next) const { return {next++, line}; }
};

}  // namespace freshet::conformance
