// expect: a trigger is  firing f(const T& value, const trigger_view&),  callable on a const object
#include "freshet/freshet.hpp"

struct reading {
  std::string sensor;
  freshet::event_time at{};
  bool is_last = false;
};
#ifdef GOOD
freshet::firing at_the_last(const reading& r, const freshet::trigger_view&) {
  return r.is_last ? freshet::firing::fire_and_purge : freshet::firing::none;
}
#else
bool at_the_last(const reading& r) { return r.is_last; }
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at);
  readings.key_by(&reading::sensor).window(freshet::global_windows{}).trigger(at_the_last).count("count");
}
