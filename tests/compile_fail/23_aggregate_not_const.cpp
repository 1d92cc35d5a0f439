// expect: an aggregate needs
// expect: all const
#include "freshet/freshet.hpp"

#ifdef GOOD
struct longest {
  void add(std::size_t& best, const std::string& s) const { best = std::max(best, s.size()); }
};
#else
struct longest {
  void add(std::size_t& best, const std::string& s) { best = std::max(best, s.size()); }
};
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  lines.key_by(std::identity{}).aggregate("longest", longest{});
}
