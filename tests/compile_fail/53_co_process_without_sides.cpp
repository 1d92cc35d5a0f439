// expect: the bolt of co_process needs  void on_left(const L&, state&, output&)
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

struct ledger {
  using output = freshet::emitter<order>;
  struct state {
    int n = 0;
  };
#ifdef GOOD
  void on_left(const order&, state&) {}
#else
  void on_order(const order&, state&) {}
#endif
  void on_right(const payment&, state&, output&) {}
};

int main() {
  freshet::stream_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  auto payments = builder.spout("payments", freshet::vector_spout<payment>{{}});
  orders.key_by(&order::id).co_process("ledger", payments.key_by(&payment::order_id), ledger{});
}
