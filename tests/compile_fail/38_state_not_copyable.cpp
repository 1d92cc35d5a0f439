// expect: a bolt's state must be copyable
#include "freshet/freshet.hpp"

#ifdef GOOD
using held = std::shared_ptr<int>;
#else
using held = std::unique_ptr<int>;
#endif

struct keep {
  using state = freshet::transient<held>;
  void process(const std::string&, state&) {}
};

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("keep", keep{}).input(lines, freshet::key_grouping{std::identity{}});
}
