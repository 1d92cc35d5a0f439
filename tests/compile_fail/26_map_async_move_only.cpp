// expect: each task gets a copy of map_async's function
#include "freshet/freshet.hpp"

struct order {
  std::uint64_t id = 0;
  std::string user;
  double price = 0;
};

#ifdef GOOD
using connection = std::shared_ptr<int>;
#else
using connection = std::unique_ptr<int>;
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  connection server;
  orders.map_async<int>("ask",
                        [server = std::move(server)](const order&, freshet::async_reply<int> reply) { reply(1); });
}
