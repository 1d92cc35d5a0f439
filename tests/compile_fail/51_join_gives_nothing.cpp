// expect: the function of a join gives nothing back
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
constexpr auto f = [](const order& o, const payment&) { return o; };
#else
constexpr auto f = [](const order&, const payment&) {};
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  auto payments = builder.spout("payments", freshet::vector_spout<payment>{{}});
  orders.key_by(&order::id).as_of_join("paid", payments.key_by(&payment::order_id), freshet::as_of{}, f);
}
