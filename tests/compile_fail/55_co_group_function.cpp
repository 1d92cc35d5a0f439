// expect: the function of co_group is  void f(const Key&, const window&
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
using left = order;
#else
using left = payment;
#endif
constexpr auto f = [](std::uint64_t, const freshet::window&, const std::vector<left>&, const std::vector<payment>&,
                      freshet::emitter<int>& out) { out.emit(1); };

int main() {
  freshet::stream_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  auto payments = builder.spout("payments", freshet::vector_spout<payment>{{}});
  orders.key_by(&order::id).co_group<int>("both", payments.key_by(&payment::order_id), freshet::tumbling{10ms}, f);
}
