// expect: an ordered bolt has state
#include "freshet/freshet.hpp"

struct reading {
  std::string sensor;
  freshet::event_time at{};
};
struct follow {
#ifdef GOOD
  struct state {
    freshet::event_time last{};
  };
  void process(const reading& r, state& s) { s.last = r.at; }
#else
  void process(const reading&) {}
#endif
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at);
  readings.key_by(&reading::sensor).ordered().process("follow", follow{});
}
