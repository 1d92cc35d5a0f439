// expect: the function of this sink makes a line of a tuple
#include "freshet/freshet.hpp"

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
#ifdef GOOD
  builder.sink("print", freshet::console_sink{[](int v) { return std::to_string(v); }}).input(numbers);
#else
  builder.sink("print", freshet::console_sink{[](int v) { return v; }}).input(numbers);
#endif
}
