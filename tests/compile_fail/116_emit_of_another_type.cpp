// expect: this can't be emitted: it is not of the output's type
#include "freshet/freshet.hpp"

struct order {
  std::string shop;
  std::vector<int> items;
};
struct shops {
  void process(const order& o, freshet::emitter<std::string>& out) {
#ifdef GOOD
    out.emit(o.shop);
#else
    out.emit(o.items);
#endif
  }
};

void build(freshet::topology_builder& builder) {
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  builder.bolt("shops", shops{}).input(orders);
}
