// expect: behind combine() tuples are put together before they are sent, so the aggregate needs
#include "freshet/freshet.hpp"

struct reading {
  std::string sensor;
  freshet::event_time at{};
  double value = 0;
};
struct total {
  void add(double& sum, const reading& r) const { sum += r.value; }
#ifdef GOOD
  void merge(double& into, const double& from) const { into += from; }
#endif
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at);
  readings.key_by(&reading::sensor)
      .window(freshet::tumbling{std::chrono::minutes(1)})
      .combine()
      .aggregate("total", total{});
}
