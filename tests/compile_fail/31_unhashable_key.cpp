// expect: this key type has no stable hash
#include "freshet/freshet.hpp"

class account {
 public:
  bool operator==(const account&) const = default;

 private:
  int number_ = 0;
};
struct order {
  account from;
  std::uint64_t id = 0;
};

#ifdef GOOD
constexpr auto key = &order::id;
#else
constexpr auto key = &order::from;
#endif

int main() {
  freshet::stream_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  orders.key_by(key).count("count");
}
