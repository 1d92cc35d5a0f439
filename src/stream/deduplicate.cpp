#include "freshet/stream/deduplicate.hpp"

namespace freshet {

std::vector<std::string> mistakes_of(const deduplicate_options& o, event_span within) {
  std::vector<std::string> all;
  const auto refuse_negative = [&all](const char* what, event_span span) {
    if (span < event_span{})
      all.push_back("has a negative " + std::string(what) + ": " + std::to_string(span.count()) + " ms");
  };
  refuse_negative("time within which it drops duplicates", within);
  refuse_negative("allowed_lateness", o.allowed_lateness);
  return all;
}

}  // namespace freshet
