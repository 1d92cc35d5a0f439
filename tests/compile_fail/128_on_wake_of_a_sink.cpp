// expect: on_wake() is called with nothing, or that of a bolt
#include "freshet/freshet.hpp"

struct print {
  void write(int) {}
#ifdef GOOD
  void on_wake() {}
#else
  void on_wake(freshet::emitter<void>&) {}
#endif
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.sink("print", print{}).input(numbers);
}
