// expect: this sink can't write the stream's type as text: give the type an operator<<
#include "freshet/freshet.hpp"

struct order {
  int id = 0;
#ifdef GOOD
  friend std::ostream& operator<<(std::ostream& to, const order& o) { return to << o.id; }
#endif
};

int main() {
  freshet::topology_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  builder.sink("lines", freshet::file::line_sink{"orders.txt"}).input(orders);
}
