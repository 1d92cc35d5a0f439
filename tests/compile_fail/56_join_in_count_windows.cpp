// expect: two streams are joined in windows of time
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
constexpr freshet::tumbling windows{10ms};
#else
constexpr freshet::tumbling_count windows{10};
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  auto payments = builder.spout("payments", freshet::vector_spout<payment>{{}});
  orders.key_by(&order::id)
      .window_join("both", payments.key_by(&payment::order_id), windows,
                   [](const order& o, const payment&) { return o; });
}
