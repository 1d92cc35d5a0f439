// expect: map's function gives nothing back
#include "freshet/freshet.hpp"

#ifdef GOOD
int look(const std::string&) { return 1; }
#else
void look(const std::string&) {}
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  lines.map("look", look).map("next", [](int n) { return n; });
}
