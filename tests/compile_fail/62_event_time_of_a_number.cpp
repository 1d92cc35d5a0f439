// expect: event_time needs a function or a member that gives  freshet::event_time
#include "freshet/freshet.hpp"

struct reading {
  std::string sensor;
  std::int64_t seconds = 0;
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}});
#ifdef GOOD
  readings.event_time([](const reading& r) { return freshet::event_time{std::chrono::seconds(r.seconds)}; });
#else
  readings.event_time(&reading::seconds);
#endif
}
