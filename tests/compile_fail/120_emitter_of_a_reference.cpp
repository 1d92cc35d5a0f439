// expect: an emitter names a type of values: emitter<T>&, not emitter<T&>&
#include "freshet/freshet.hpp"

struct halve {
#ifdef GOOD
  void process(int v, freshet::emitter<int>& out) { out.emit(v / 2); }
#else
  void process(int v, freshet::emitter<int&>& out) { out.emit(v); }
#endif
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.bolt("halve", halve{}).input(numbers);
}
