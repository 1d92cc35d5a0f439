#include "freshet/stream/window_options.hpp"

#include "freshet/stream/late.hpp"

namespace freshet {

std::vector<std::string> mistakes_of(const window_options& o, bool has_trigger, bool combines) {
  std::vector<std::string> all;
  const auto refuse_negative = [&all](const char* what, event_span span) {
    if (span < event_span{})
      all.push_back(std::string(what) + " must not be negative, but is " + std::to_string(span.count()) + " ms");
  };
  refuse_negative("allowed_lateness", o.allowed_lateness);
  refuse_negative("early.every", o.early.every);
  if (o.early.measured_in == time_domain::processing && o.early.every == event_span{})
    all.push_back("has early.measured_in and no early.every, which is what it measures");
  if (has_trigger && o.gives_updates())
    all.push_back("has a trigger, which alone decides on results before the last: leave out early and late_results");
  if (combines && o.gives_updates())
    all.push_back(
        "combines tuples before they are sent on, so that nobody sees them one by one: leave out early and "
        "late_results, or combine()");
  if (o.panes == panes::discarding && !o.gives_updates() && !has_trigger)
    all.push_back("has discarding panes and one result a window: ask for early or late results, or give a trigger");
  return all;
}

std::string_view to_string(late_reason why) noexcept {
  switch (why) {
    case late_reason::window:
      return "window";
    case late_reason::time:
      return "time";
    case late_reason::woke:
      return "woke";
  }
  return "late";
}

}  // namespace freshet
