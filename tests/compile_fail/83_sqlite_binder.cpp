// expect: sqlite::binder: a parameter has to be a bool, an integer
#include "freshet/freshet.hpp"
// The sentence must not need the library.
#include "freshet/connect/sqlite/sink.hpp"

struct order {
  int id = 0;
  char size = 'L';
};

int main() {
  freshet::topology_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  builder
      .sink("rows", freshet::sqlite::sink<order>{"orders.db", "insert into orders values (?, ?)",
                                                 [](freshet::sqlite::binder& row, const order& o) {
                                                   row.bind(1, o.id);
#ifdef GOOD
                                                   row.bind(2, std::string(1, o.size));
#else
                                                   row.bind(2, o.size);
#endif
                                                 }})
      .input(orders);
}
