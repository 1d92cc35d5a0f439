// expect: reduce needs
// expect: T f(const T&, const T&)
#include "freshet/freshet.hpp"

struct order {
  std::uint64_t id = 0;
  std::string user;
  double price = 0;
};

#ifdef GOOD
order later(const order&, const order& b) { return b; }
#else
std::uint64_t later(const order& a, std::uint64_t) { return a.id; }
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  orders.key_by(&order::user).reduce("later", later);
}
