// expect: a join keeps its tuples as state
#include "freshet/freshet.hpp"

using namespace std::chrono_literals;
struct reading {
  int key = 0;
#ifdef GOOD
  std::array<int, 3> values{};
#else
  int values[3]{};
#endif
};

int main() {
  freshet::stream_builder builder{"x"};
  auto readings = builder.spout("readings", freshet::vector_spout<reading>{{}});
  readings.key_by(&reading::key)
      .interval_join("twice", readings.key_by(&reading::key), freshet::between{0ms, 10ms},
                     [](const reading& a, const reading&) { return a.key; });
}
