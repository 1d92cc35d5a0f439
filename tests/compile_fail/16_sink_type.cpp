// expect: a sink needs
// expect: void write(const T&)
// expect: void write(const T&, emitter<void>&)
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
  builder.spout("orders", freshet::vector_spout<order>{{}}).to("print", [](const reads&) {});
}
