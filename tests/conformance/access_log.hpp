#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace freshet::conformance {

/// A line of a web server's log in the combined format; the time still in its brackets.
struct log_line {
  std::string client, time, request, status, bytes, referrer, agent;
};
/// Nothing: the line isn't of that format.
std::optional<log_line> parse_combined(std::string_view line);

}  // namespace freshet::conformance
