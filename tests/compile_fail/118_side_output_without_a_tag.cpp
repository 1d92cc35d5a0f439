// expect: a side output is named by a tag type that says what goes there
#include "freshet/freshet.hpp"

#ifdef GOOD
struct odd : freshet::side_output<int, "odd"> {};
#else
struct odd {};
#endif
struct halve {
  void process(int v, freshet::emitter<int, odd>& out) { out.emit(v / 2); }
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.bolt("halve", halve{}).input(numbers);
}
