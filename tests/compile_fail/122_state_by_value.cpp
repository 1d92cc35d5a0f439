// expect: process() takes its state by reference, state& or const state&
#include "freshet/freshet.hpp"

struct sum {
  using state = int;
#ifdef GOOD
  int process(int v, state& all) { return all += v; }
#else
  int process(int v, state all) { return all += v; }
#endif
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.bolt("sum", sum{}).input(numbers, freshet::key_grouping{std::identity{}});
}
