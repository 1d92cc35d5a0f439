// expect: a bolt's state starts default constructed
#include "freshet/freshet.hpp"

#ifdef GOOD
struct total {
  int sum = 0;
};
#else
struct total {
  explicit total(int first) : sum(first) {}
  friend auto freshet_fields(total& t) { return std::tie(t.sum); }
  int sum;
};
#endif

struct add {
  using state = total;
  void process(const std::string&, state&, freshet::emitter<int>&) {}
};

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  (void)builder.bolt("add", add{}).input(lines, freshet::key_grouping{std::identity{}});
}
