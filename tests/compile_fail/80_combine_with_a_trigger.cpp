// expect: a trigger looks at each tuple, and combine() puts them together before: leave out one
#include "freshet/freshet.hpp"

struct reading {
  std::string sensor;
  freshet::event_time at{};
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at);
  const auto windows = readings.key_by(&reading::sensor).window(freshet::tumbling{std::chrono::minutes(1)});
#ifdef GOOD
  windows.combine().count("count");
#else
  const auto each = [](const reading&, const freshet::trigger_view&) { return freshet::firing::fire; };
  windows.trigger(each).combine().count("count");
#endif
}
