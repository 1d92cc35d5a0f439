// expect: a message is read into an object: give its type a default
#include "freshet/freshet.hpp"

struct order {
#ifdef GOOD
  order() = default;
#endif
  explicit order(int n) : id(n) {}
  friend auto freshet_fields(order& o) { return std::tie(o.id); }
  int id = 0;
};

int main() {
  freshet::topology_builder builder{"x"};
  builder.spout("orders", freshet::journaled(freshet::push_spout<order>{}, "journal"));
}
