// expect: this bolt emits nothing, as its emitter is an emitter<void>
#include "freshet/freshet.hpp"

struct halve {
#ifdef GOOD
  void process(int v, freshet::emitter<int>& out) { out.emit(v / 2); }
#else
  void process(int v, freshet::emitter<void>& out) { out.emit(v / 2); }
#endif
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.bolt("halve", halve{}).input(numbers);
}
