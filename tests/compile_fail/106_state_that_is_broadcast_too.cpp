// expect: state and broadcast of a bolt are told apart by their types: make them two
#include "freshet/freshet.hpp"

struct limits {
  int most = 0;
};
struct check {
  using broadcast = limits;
#ifdef GOOD
  using state = int;
#else
  using state = limits;
#endif
  using output = freshet::emitter<int>;
  void process(const int&, output&) {}
  void change(const long&, broadcast&) {}
};

int main() {
  freshet::topology_builder builder{"x"};
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{}});
  auto changes = builder.spout("changes", freshet::vector_spout<long>{{}});
  (void)builder.bolt("check", check{})
      .input(numbers, freshet::key_grouping{std::identity{}})
      .input<&check::change>(changes, freshet::all_grouping{});
}
