// expect: postgresql::binder: a parameter has to be a bool, an integer
#include "freshet/freshet.hpp"
// The sentence must not need the library.
#include "freshet/connect/postgresql/upsert_sink.hpp"

struct order {
  int id = 0;
  char size = 'L';
};

int main() {
  freshet::topology_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  builder
      .sink("rows", freshet::postgresql::upsert_sink<order>{"dbname=shop", "update orders set size = $2 where id = $1",
                                                            [](freshet::postgresql::binder& row, const order& o) {
                                                              row.bind(1, o.id);
#ifdef GOOD
                                                              row.bind(2, std::string(1, o.size));
#else
                                                              row.bind(2, o.size);
#endif
                                                            }})
      .input(orders);
}
