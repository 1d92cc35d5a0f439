// expect: the key function can't be called with the stream's type
#include "freshet/freshet.hpp"

struct order {
  std::uint64_t id = 0;
  std::string user;
  double price = 0;
};
struct count_words {
  using state = std::uint64_t;
  void process(const std::string&, state& n, freshet::emitter<std::uint64_t>& out) { out.emit(++n); }
};

#ifdef GOOD
constexpr auto key = &std::string::size;
#else
constexpr auto key = &order::user;
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("count", count_words{}).input(lines, freshet::key_grouping{key});
}
