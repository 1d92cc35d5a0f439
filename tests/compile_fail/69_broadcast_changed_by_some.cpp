// expect: broadcast state is changed behind all_grouping only, where every task gets the same tuples
#include "freshet/freshet.hpp"

struct rules {
  int most = 0;
};
struct check {
  using broadcast = rules;
  using output = freshet::emitter<int>;
  void process(const int& n, const rules& r, output& out) {
    if (n > r.most) out.emit(n);
  }
  void change(const long& most, rules& r) { r.most = static_cast<int>(most); }
};

#ifdef GOOD
using grouping = freshet::all_grouping;
#else
using grouping = freshet::shuffle_grouping;
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{}});
  auto changes = builder.spout("changes", freshet::vector_spout<long>{{}});
  (void)builder.bolt("check", check{}).input(numbers).input<&check::change>(changes, grouping{});
}
