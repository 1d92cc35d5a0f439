#include "freshet/stream/async_options.hpp"

namespace freshet {

std::vector<std::string> async_options::mistakes() const {
  constexpr std::size_t most_calls = 1u << 20;  // each has its place from the start
  std::vector<std::string> wrong;
  if (timeout <= std::chrono::nanoseconds{})
    wrong.push_back("has timeout " + std::to_string(timeout.count()) +
                    " ns: every call would have failed before it began; a call needs some time to reply");
  if (capacity == 0) wrong.push_back("has capacity 0: no call could ever be made");
  if (capacity > most_calls)
    wrong.push_back("has capacity " + std::to_string(capacity) + ": at most " + std::to_string(most_calls) +
                    " calls in flight");
  return wrong;
}

}  // namespace freshet
