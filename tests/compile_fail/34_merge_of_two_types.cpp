// expect: merge needs streams of one type
#include "freshet/freshet.hpp"

struct order {
  std::uint64_t id = 0;
  std::string user;
  double price = 0;
};

#ifdef GOOD
constexpr auto other = [](const auto&, const auto& orders) { return orders; };
#else
constexpr auto other = [](const auto& lines, const auto&) { return lines; };
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  orders.merge(other(lines, orders));
}
