// expect: the bolt can't take this stream
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
  void process(const reads&, freshet::emitter<int>& out) { out.emit(1); }
};

int main() {
  freshet::topology_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  (void)builder.bolt("look", look{}).input(orders);
}
