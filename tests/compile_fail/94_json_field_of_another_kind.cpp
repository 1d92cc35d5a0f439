// expect: json_spout<T>: each field has to be a bool, a number
#include "freshet/freshet.hpp"

struct order {
  int id = 0;
#ifdef GOOD
  std::vector<int> items;
#else
  std::shared_ptr<int> items;
#endif
};

int main() {
  freshet::topology_builder builder{"x"};
  builder.spout("orders", freshet::file::json_spout<order>{"orders.jsonl"});
}
