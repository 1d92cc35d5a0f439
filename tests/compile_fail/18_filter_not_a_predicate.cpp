// expect: this function must answer yes or no
#include "freshet/freshet.hpp"

#ifdef GOOD
bool keep(const std::string& s) { return !s.empty(); }
#else
std::string keep(const std::string& s) { return s; }
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  lines.filter("keep", keep);
}
