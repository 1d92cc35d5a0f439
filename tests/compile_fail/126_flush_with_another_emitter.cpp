// expect: flush() is called with nothing, or that of a bolt with the emitter of its process()
#include "freshet/freshet.hpp"

struct sum {
  int all = 0;
  void process(int v, freshet::emitter<std::string>&) { all += v; }
#ifdef GOOD
  void flush(freshet::emitter<std::string>& out) { out.emit(std::to_string(all)); }
#else
  void flush(freshet::emitter<int>& out) { out.emit(all); }
#endif
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.bolt("sum", sum{}).input(numbers);
}
