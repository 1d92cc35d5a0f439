// expect: flush_key is  void flush_key(const Key&, state&, emitter<Out>&)
#include "freshet/freshet.hpp"

struct sum {
  using state = int;
  void process(int v, state& all, freshet::emitter<int>&) { all += v; }
#ifdef GOOD
  void flush_key(int, state& all, freshet::emitter<int>& out) { out.emit(all); }
#else
  void flush_key(const std::string&, state& all, freshet::emitter<int>& out) { out.emit(all); }
#endif
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.bolt("sum", sum{}).input(numbers, freshet::key_grouping{std::identity{}});
}
