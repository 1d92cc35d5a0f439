// expect: it is missing, private, a template or overloaded
#include "freshet/freshet.hpp"

#ifdef GOOD
struct look {
  void process(const std::string&) {}
};
#else
struct look {
  void process(const std::string&) {}
  void process(const int&) {}
};
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("look", look{}).input(lines);
}
