// expect: custom_grouping needs
// expect: size_t choose(const T&, size_t task_count)
#include "freshet/freshet.hpp"

struct order {
  std::uint64_t id = 0;
  std::string user;
  double price = 0;
};

#ifdef GOOD
std::size_t choose(const order& o, std::size_t tasks) { return o.id % tasks; }
#else
std::size_t choose(const order& o) { return o.id; }
#endif

struct look {
  void process(const order&) {}
};

int main() {
  freshet::topology_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  (void)builder.bolt("look", look{}).input(orders, freshet::custom_grouping{choose});
}
