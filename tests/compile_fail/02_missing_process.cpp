// expect: a bolt needs one function
// expect: process(const In&, emitter<Out>&)
#include "freshet/freshet.hpp"

#ifdef GOOD
struct split {
  void process(const std::string&, freshet::emitter<int>&) {}
};
#else
struct split {
  void proces(const std::string&, freshet::emitter<int>&) {}
};
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("split", split{}).input(lines);
}
