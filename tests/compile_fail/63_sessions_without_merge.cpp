// expect: these windows share tuples or grow together, so their aggregate needs  void merge
#include "freshet/freshet.hpp"

struct reading {
  std::string sensor;
  freshet::event_time at{};
};
struct count {
  void add(int& n, const reading&) const { ++n; }
#ifdef GOOD
  void merge(int& into, const int& from) const { into += from; }
#endif
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}}).event_time(&reading::at);
  readings.key_by(&reading::sensor).window(freshet::sessions{std::chrono::minutes(1)}).aggregate("count", count{});
}
