// expect: on_processing_timer needs the key and the time first
#include "freshet/freshet.hpp"

struct reading {
  std::string sensor;
};
struct silence {
  using state = std::uint64_t;
  void process(const reading&, state& n, freshet::processing_timers& t) {
    ++n;
    t.set(0, t.now() + std::chrono::minutes(1));
  }
#ifdef GOOD
  void on_processing_timer(const std::string&, freshet::event_time, state& n) { n = 0; }
#else
  void on_processing_timer(state& n) { n = 0; }
#endif
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}});
  readings.key_by(&reading::sensor).process("silence", silence{});
}
