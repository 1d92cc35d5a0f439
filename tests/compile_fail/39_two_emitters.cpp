// expect: all functions of one bolt must name the same emitter
#include "freshet/freshet.hpp"

#ifdef GOOD
using second = freshet::emitter<int>;
#else
using second = freshet::emitter<std::string>;
#endif

struct join {
  using output = freshet::emitter<int>;
  void on_line(const std::string&, output&) {}
  void on_number(const int&, second&) {}
};

int main() {
  freshet::topology_builder builder{"x"};
  auto lines = builder.spout("lines", freshet::vector_spout<std::string>{{}});
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{}});
  (void)builder.bolt("join", join{}).input<&join::on_line>(lines).input<&join::on_number>(numbers);
}
