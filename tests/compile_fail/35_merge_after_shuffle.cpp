// expect: choose the grouping after merge
#include "freshet/freshet.hpp"

#ifdef GOOD
constexpr auto grouped = [](const auto& s) { return s; };
#else
constexpr auto grouped = [](const auto& s) { return s.shuffle(); };
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  grouped(lines).merge(lines);
}
