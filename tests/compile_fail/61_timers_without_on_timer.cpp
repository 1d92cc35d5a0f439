// expect: process() asks for timers, and nobody would hear of them
#include "freshet/freshet.hpp"

struct reading {
  std::string sensor;
  freshet::event_time at{};
};
struct silence {
  struct state {
    std::uint64_t readings = 0;
  };
  void process(const reading& r, state& s, freshet::timers& t) {
    ++s.readings;
    t.set(0, r.at + std::chrono::minutes(1));
  }
#ifdef GOOD
  void on_timer(const std::string&, freshet::event_time, state& s) { s = {}; }
#endif
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at);
  readings.key_by(&reading::sensor).process("silence", silence{});
}
