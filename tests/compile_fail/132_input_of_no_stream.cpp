// expect: input() reads a stream
#include "freshet/freshet.hpp"

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  auto halves = builder.bolt("halve", [](int v) { return v / 2; }).input(numbers);
  auto printed = builder.sink("print", [](int) {}).input(halves);
#ifdef GOOD
  builder.sink("again", [](int) {}).input(halves);
#else
  builder.sink("again", [](int) {}).input(printed);
#endif
}
