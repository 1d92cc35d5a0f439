// expect: keyed state is checkpointed, and this type has no codec
#include "freshet/freshet.hpp"

struct session {
  std::shared_ptr<int> socket;
};

#ifdef GOOD
using kept = freshet::transient<session>;
#else
using kept = session;
#endif

struct remember {
  using state = kept;
  void process(const std::string&, state&, freshet::emitter<int>&) {}
};

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("remember", remember{}).input(lines, freshet::key_grouping{std::identity{}});
}
