// expect: sqlite::sink<T>: T has to be a struct of fields or a class with freshet_fields
#include "freshet/freshet.hpp"
// The sentence must not need the library.
#include "freshet/connect/sqlite/sink.hpp"

#ifdef GOOD
struct order {
  int id = 0;
};
#else
class order {
 public:
  int id() const { return id_; }

 private:
  int id_ = 0;
};
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto orders = builder.spout("orders", freshet::vector_spout<order>{{}});
  builder.sink("rows", freshet::sqlite::sink<order>{"orders.db", "insert into orders values (?)"}).input(orders);
}
