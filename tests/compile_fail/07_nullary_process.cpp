// expect: process() needs a first parameter
#include "freshet/freshet.hpp"

#ifdef GOOD
struct count {
  void process(const std::string&) {}
};
#else
struct count {
  void process() {}
};
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("count", count{}).input(lines);
}
