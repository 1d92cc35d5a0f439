// expect: windows that count tuples have their trigger: leave out trigger(...)
#include "freshet/freshet.hpp"

struct reading {
  freshet::event_time at{};
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at);
  const auto each = [](const reading&, const freshet::trigger_view&) { return freshet::firing::fire; };
#ifdef GOOD
  const freshet::tumbling windows{std::chrono::minutes(1)};
#else
  const freshet::tumbling_count windows{3};
#endif
  readings.window(windows).trigger(each).count("count");
}
