#include "freshet/stream/pattern.hpp"

#include <algorithm>

namespace freshet {

std::vector<std::string> mistakes_of_pattern(const std::vector<pattern_step>& steps, std::optional<event_span> within) {
  using contiguity = pattern_step::contiguity;
  std::vector<std::string> all;
  const auto step = [](std::size_t k) { return "step " + std::to_string(k + 1) + " of its pattern"; };
  bool may_wait = false;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const auto& s = steps[k];
    if (s.times == 0) all.push_back("wants " + step(k) + " 0 times: leave the step out, or use not_followed_by");
    if (s.is_absent() && s.times > 1)
      all.push_back("wants " + step(k) + " to be absent " + std::to_string(s.times) + " times: once is enough");
    if (s.how == contiguity::next && steps[k - 1].is_absent())
      all.push_back("says that " + step(k - 1) +
                    " is absent before a tuple that is to be the very next: nothing can be "
                    "between, so leave the one out, or use followed_by for the other");
    may_wait =
        may_wait || s.is_absent() || s.how == contiguity::followed_by || (s.how == contiguity::first && s.times > 1);
  }
  if (may_wait && !within)
    all.push_back("has a pattern that may wait for ever for its next tuple: say how long, with within(...)");
  if (within && *within < event_span{})
    all.push_back("has a pattern within a negative time: " + std::to_string(within->count()) + " ms");
  return all;
}

}  // namespace freshet
