// expect: emit(value, held) anchors to what hold() gave
#include "freshet/freshet.hpp"

struct copy {
  void process(int v, freshet::emitter<int>& out) {
    const auto held = out.hold();
#ifdef GOOD
    out.emit(v, held);
#else
    out.emit(v, &held);
#endif
  }
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.bolt("copy", copy{}).input(numbers);
}
