// expect: this function can't be called with the stream's type
#include "freshet/freshet.hpp"

struct order {
  std::uint64_t id = 0;
  std::string user;
  double price = 0;
};

#ifdef GOOD
using reads = order;
#else
using reads = std::string;
#endif

int main() {
  freshet::stream_builder builder{"x"};
  builder.spout("orders", freshet::vector_spout<order>{{}})
      .map("size", [](const reads&) { return 1; })
      .filter("large", [](int n) { return n > 1; });
}
