// expect: emplace() constructs the output's type
#include "freshet/freshet.hpp"

struct lines {
  void process(int v, freshet::emitter<std::string>& out) {
#ifdef GOOD
    out.emplace(v, '-');
#else
    out.emplace(std::vector<int>{v});
#endif
  }
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.bolt("lines", lines{}).input(numbers);
}
