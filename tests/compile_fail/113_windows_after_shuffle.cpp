// expect: windows choose the grouping themselves: leave out the other one
#include "freshet/freshet.hpp"

struct reading {
  freshet::event_time at{};
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at);
  const freshet::tumbling minutes{std::chrono::minutes(1)};
#ifdef GOOD
  readings.window(minutes).count("count");
#else
  readings.shuffle().window(minutes).count("count");
#endif
}
