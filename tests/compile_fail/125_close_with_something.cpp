// expect: close() is called with nothing
#include "freshet/freshet.hpp"

struct print {
  void write(int) {}
#ifdef GOOD
  void close() {}
#else
  void close(const freshet::task_context&) {}
#endif
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.sink("print", print{}).input(numbers);
}
