// expect: this function must answer yes or no
#include "freshet/freshet.hpp"

#ifdef GOOD
bool empty(const std::string& s) { return s.empty(); }
#else
void empty(const std::string&) {}
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  lines.split("by emptiness", empty);
}
