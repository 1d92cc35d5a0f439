// expect: postgresql: each field of T has to be a bool, an integer
#include "freshet/freshet.hpp"
// The sentence must not need the library.
#include "freshet/connect/postgresql/sink.hpp"

struct order {
  int id = 0;
#ifdef GOOD
  std::optional<std::string> note;
#else
  std::vector<std::string> notes;
#endif
};

int main() {
  freshet::topology_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  builder.sink("rows", freshet::postgresql::sink<order>{"dbname=shop", "insert into orders values ($1, $2)"})
      .input(orders);
}
