// expect: the key function can't be called with the stream's type
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

int main() {
  freshet::stream_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  orders.key_by([](const reads&) { return 1; }).count("count");
}
