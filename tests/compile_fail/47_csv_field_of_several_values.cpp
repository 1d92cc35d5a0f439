// expect: csv_spout<T>: each field has to be a bool, a number
#include "freshet/freshet.hpp"

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
  builder.spout("orders", freshet::file::csv_spout<order>{"orders.csv"});
}
