// expect: each task gets a copy of the object and this one can't be copied
#include "freshet/freshet.hpp"

struct store {
  std::unique_ptr<int> connection;
  void process(const std::string&, freshet::emitter<int>&) {}
};

#ifdef GOOD
auto bolt = [] { return store{}; };
#else
auto bolt = store{};
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("store", std::move(bolt)).input(lines);
}
