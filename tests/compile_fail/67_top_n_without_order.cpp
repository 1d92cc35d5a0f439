// expect: top_n needs  by(const T&),  or a pointer to member, whose results can be compared with <
#include "freshet/freshet.hpp"

struct place {
  int x = 0, y = 0;
};
struct reading {
  place where;
  freshet::event_time at{};
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at);
#ifdef GOOD
  readings.window(freshet::tumbling{std::chrono::minutes(1)}).top_n("top", 3, &reading::at);
#else
  readings.window(freshet::tumbling{std::chrono::minutes(1)}).top_n("top", 3, &reading::where);
#endif
}
