// expect: flat_map's function must give a range or a std::optional
#include "freshet/freshet.hpp"

#ifdef GOOD
std::vector<std::size_t> sizes(const std::string& s) { return {s.size()}; }
#else
std::size_t sizes(const std::string& s) { return s.size(); }
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  lines.flat_map("sizes", sizes);
}
