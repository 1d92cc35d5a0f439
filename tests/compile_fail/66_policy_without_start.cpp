// expect: a watermark policy needs  using state = ...;
#include "freshet/freshet.hpp"

struct reading {
  std::string sensor;
  freshet::event_time at{};
};
struct lagging {
  using state = freshet::event_time;
#ifdef GOOD
  state start() const { return freshet::beginning_of_time; }
#endif
  freshet::event_time observe(state& largest, freshet::event_time t) const { return largest = std::max(largest, t); }
};

int main() {
  freshet::stream_builder builder{"x"};
  builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at, lagging{});
}
