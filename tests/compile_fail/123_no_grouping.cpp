// expect: this is no grouping
#include "freshet/freshet.hpp"

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  const auto by_rest = [](int v) { return v % 3; };
#ifdef GOOD
  builder.sink("rest", [](int) {}, {.parallelism = 3}).input(numbers, freshet::key_grouping{by_rest});
#else
  builder.sink("rest", [](int) {}, {.parallelism = 3}).input(numbers, by_rest);
#endif
}
