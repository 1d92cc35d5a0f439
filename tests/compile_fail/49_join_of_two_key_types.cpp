// expect: the two sides have keys of different types
#include "freshet/freshet.hpp"

struct order {
  std::uint64_t id = 0;
  std::string user;
};
struct payment {
  std::uint64_t order_id = 0;
  std::string payer;
};
using namespace std::chrono_literals;

#ifdef GOOD
constexpr auto key = &payment::order_id;
#else
constexpr auto key = &payment::payer;
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  auto payments = builder.spout("payments", freshet::vector_spout<payment>{{}});
  orders.key_by(&order::id)
      .interval_join("paid", payments.key_by(key), freshet::between{0ms, 10ms},
                     [](const order& o, const payment&) { return o; });
}
