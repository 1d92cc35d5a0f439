// expect: an aggregate needs
// expect: void add(accumulator&, const T&) const
#include "freshet/freshet.hpp"

#ifdef GOOD
struct longest {
  void add(std::size_t& best, const std::string& s) const { best = std::max(best, s.size()); }
};
#else
struct longest {
  void add(std::size_t& best, int length) const { best = std::max<std::size_t>(best, length); }
};
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  lines.key_by(std::identity{}).aggregate("longest", longest{});
}
