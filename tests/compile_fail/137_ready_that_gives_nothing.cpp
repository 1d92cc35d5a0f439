// expect: ready() says whether there is room for more
#include "freshet/freshet.hpp"

struct print {
  void write(int) {}
#ifdef GOOD
  bool ready() { return true; }
#else
  void ready() {}
#endif
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.sink("print", print{}).input(numbers);
}
