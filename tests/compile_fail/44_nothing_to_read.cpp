// expect: this bolt emits nothing, so there is no stream to read
#include "freshet/freshet.hpp"

#ifdef GOOD
int look(const std::string& s) { return static_cast<int>(s.size()); }
#else
void look(const std::string&) {}
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  auto looked = builder.bolt("look", look).input(lines);
  (void)builder.sink("print", [](const int&) {}).input(looked);
}
