// expect: process() asks for something Freshet doesn't have
#include "freshet/freshet.hpp"

#ifdef GOOD
struct look {
  void process(const std::string&, const freshet::task_context&, freshet::emitter<int>&) {}
};
#else
struct look {
  void process(const std::string&, int&, freshet::emitter<int>&) {}
};
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("look", look{}).input(lines);
}
