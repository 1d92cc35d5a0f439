// expect: one function gives the key; one of several parts is a tuple
#include "freshet/freshet.hpp"

struct order {
  std::string shop;
  int day = 0;
};

void build(freshet::topology_builder& builder) {
  freshet::stream_builder streams("orders");
  auto orders = streams.spout("orders", freshet::vector_spout<order>{{}});
  static_cast<void>(builder);
#ifdef GOOD
  orders.key_by([](const order& o) { return std::tuple(o.shop, o.day); }).count("count");
#else
  orders.key_by(&order::shop, &order::day).count("count");
#endif
}
