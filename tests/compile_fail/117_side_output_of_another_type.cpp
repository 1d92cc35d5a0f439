// expect: this can't be emitted: it is not of the output's type
#include "freshet/freshet.hpp"

struct odd : freshet::side_output<std::string, "odd"> {};
struct halve {
  void process(int v, freshet::emitter<int, odd>& out) {
    if (v % 2 == 0) return out.emit(v / 2);
#ifdef GOOD
    out.emit<odd>(std::to_string(v));
#else
    out.emit<odd>(v);
#endif
  }
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.bolt("halve", halve{}).input(numbers);
}
