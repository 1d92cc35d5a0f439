// expect: process needs windows of time
#include "freshet/freshet.hpp"

struct reading {
  std::string sensor;
  freshet::event_time at{};
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at);
  const auto count = [](const std::string&, const freshet::window&, const std::vector<reading>& all,
                        freshet::emitter<std::size_t>& out) { out.emit(all.size()); };
#ifdef GOOD
  const freshet::tumbling windows{std::chrono::minutes(1)};
#else
  const freshet::tumbling_count windows{3};
#endif
  readings.key_by(&reading::sensor).window(windows).process<std::size_t>("count", count);
}
