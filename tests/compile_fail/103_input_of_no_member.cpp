// expect: input<&bolt::on_x>(stream): name a member function of the bolt
#include "freshet/freshet.hpp"

struct twice {
  using output = freshet::emitter<int>;
  void process(int n, output& out) { out.emit(2 * n); }
};
void process(int, freshet::emitter<int>&) {}
#ifdef GOOD
constexpr auto reader = &twice::process;
#else
constexpr auto reader = &process;
#endif

int main() {
  freshet::topology_builder builder{"x"};
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{}});
  (void)builder.bolt("twice", twice{}).input<reader>(numbers);
}
