// expect: on_tick() is called with nothing, or that of a bolt with the emitter of its process()
#include "freshet/freshet.hpp"

struct halve {
  int process(int v) { return v / 2; }
#ifdef GOOD
  void on_tick() {}
#else
  void on_tick(std::chrono::seconds) {}
#endif
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.bolt("halve", halve{}, {.tick = std::chrono::seconds(1)}).input(numbers);
}
