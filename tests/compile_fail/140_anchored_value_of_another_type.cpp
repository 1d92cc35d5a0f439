// expect: this can't be emitted: it is not of the output's type
#include "freshet/freshet.hpp"

struct copy {
  void process(int v, freshet::emitter<std::string>& out) {
    const auto held = out.hold();
#ifdef GOOD
    out.emit(std::to_string(v), held);
#else
    out.emit(v, held);
#endif
  }
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.bolt("copy", copy{}).input(numbers);
}
