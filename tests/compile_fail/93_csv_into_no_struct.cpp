// expect: csv_spout<T>: T has to be a struct of fields that can be made without arguments
#include "freshet/freshet.hpp"

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
  builder.spout("orders", freshet::file::csv_spout<order>{"orders.csv"});
}
