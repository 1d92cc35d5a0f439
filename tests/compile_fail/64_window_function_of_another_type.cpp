// expect: a window function is  void f(const Key&, const window&, const std::vector<T>&, emitter<Out>&)
#include "freshet/freshet.hpp"

struct reading {
  std::string sensor;
  freshet::event_time at{};
};
#ifdef GOOD
void range(const std::string&, const freshet::window&, const std::vector<reading>& all, freshet::emitter<int>& out) {
  out.emit(static_cast<int>(all.size()));
}
#else
int range(const std::vector<reading>& all) { return static_cast<int>(all.size()); }
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at);
  readings.key_by(&reading::sensor).window(freshet::tumbling{std::chrono::minutes(1)}).process<int>("range", range);
}
