// expect: a floating-point key, or part of one, has no stable identity
#include "freshet/freshet.hpp"

struct order {
  std::uint64_t id = 0;
  std::string user;
  double price = 0;
};

#ifdef GOOD
constexpr auto key = &order::id;
#else
constexpr auto key = &order::price;
#endif

struct count {
  using state = int;
  void process(const order&, state&, freshet::emitter<int>&) {}
};

int main() {
  freshet::topology_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  (void)builder.bolt("count", count{}).input(orders, freshet::key_grouping{key});
}
