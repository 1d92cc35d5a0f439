#include "freshet/stream/window_options.hpp"

#include "freshet/stream/windowed.hpp"

namespace freshet {

std::vector<std::string> mistakes_of(const window_options& o) {
  std::vector<std::string> all;
  const auto refuse_negative = [&all](const char* what, event_span span) {
    if (span < event_span{})
      all.push_back(std::string(what) + " must not be negative, but is " + std::to_string(span.count()) + " ms");
  };
  refuse_negative("allowed_lateness", o.allowed_lateness);
  refuse_negative("early.every", o.early.every);
  if (o.panes == panes::discarding && !o.gives_updates())
    all.push_back("has discarding panes and one result a window: ask for early or late results");
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
