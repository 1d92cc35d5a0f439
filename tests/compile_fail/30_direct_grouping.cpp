// expect: direct_grouping needs
// expect: size_t task(const T&)
#include "freshet/freshet.hpp"

struct order {
  std::uint64_t id = 0;
  std::string user;
  double price = 0;
};

#ifdef GOOD
using reads = order;
#else
using reads = std::string;
#endif

struct look {
  void process(const order&) {}
};

int main() {
  freshet::topology_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  (void)builder.bolt("look", look{}).input(orders, freshet::direct_grouping{[](const reads&) { return 0; }});
}
