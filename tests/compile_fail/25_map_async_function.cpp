// expect: map_async<U> needs
// expect: void f(const T&, freshet::async_reply<U>)
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
  orders.map_async<int>("ask", [](const reads&, freshet::async_reply<int> reply) { reply(1); });
}
