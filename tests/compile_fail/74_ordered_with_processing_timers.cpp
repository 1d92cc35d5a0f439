// expect: ordered() gives tuples and timers in the order of event time
#include "freshet/freshet.hpp"

struct reading {
  std::string sensor;
  freshet::event_time at{};
};
struct silence {
  using state = std::uint64_t;
#ifdef GOOD
  void process(const reading&, state& n) { ++n; }
#else
  void process(const reading&, state& n, freshet::processing_timers& t) {
    ++n;
    t.set(0, t.now() + std::chrono::minutes(1));
  }
  void on_processing_timer(const std::string&, freshet::event_time, state& n) { n = 0; }
#endif
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at);
  readings.key_by(&reading::sensor).ordered().process("silence", silence{});
}
