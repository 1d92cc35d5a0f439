// expect: open() is called with a const freshet::task_context&, or with nothing
#include "freshet/freshet.hpp"

struct halve {
#ifdef GOOD
  void open(const freshet::task_context&) {}
#else
  void open(const std::string&) {}
#endif
  int process(int v) { return v / 2; }
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.bolt("halve", halve{}).input(numbers);
}
