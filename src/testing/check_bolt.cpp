#include "freshet/testing/check_bolt.hpp"

namespace freshet::testing::detail {
namespace {
std::string in_words(event_time t) {
  if (t == beginning_of_time) return "none";
  return std::to_string(t.time_since_epoch().count()) + " ms";
}
}  // namespace

std::string in_words(const std::string& value, event_time time, event_time stamp) {
  return value + " at " + in_words(time) + ", stamp " + in_words(stamp);
}

std::string difference_in_words(std::string_view output, std::size_t index, const std::string& plain,
                                const std::string& other) {
  const auto text = [](const std::string& tuple) { return tuple.empty() ? "nothing" : tuple; };
  return (output.empty() ? "the main output" : "output \"" + std::string(output) + "\"") + " gives " + text(other) +
         " in place " + std::to_string(index + 1) + ", and otherwise " + text(plain);
}

}  // namespace freshet::testing::detail
