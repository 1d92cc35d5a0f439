// expect: key_by chooses the grouping itself
#include "freshet/freshet.hpp"

struct order {
  std::uint64_t id = 0;
  std::string user;
  double price = 0;
};

#ifdef GOOD
constexpr auto grouped = [](const auto& s) { return s; };
#else
constexpr auto grouped = [](const auto& s) { return s.shuffle(); };
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  grouped(orders).key_by(&order::user);
}
