// expect: one function gives the key; one of several parts is a tuple
#include "freshet/freshet.hpp"

struct order {
  std::string shop;
  int day = 0;
};

void build(freshet::topology_builder& builder) {
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
#ifdef GOOD
  const freshet::key_grouping by{[](const order& o) { return std::tuple(o.shop, o.day); }};
#else
  const freshet::key_grouping by{&order::shop, &order::day};
#endif
  builder.sink("print", [](const order&) {}).input(orders, by);
}
