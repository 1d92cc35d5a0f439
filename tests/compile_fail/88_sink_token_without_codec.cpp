// expect: must return S::token, and that must have a codec
#include "freshet/freshet.hpp"

struct batch_file {
#ifdef GOOD
  using token = std::string;
#else
  using token = std::shared_ptr<std::string>;
#endif
  void write(const int&) {}
  void begin(freshet::epoch_id) {}
  token prepare() { return {}; }
  void commit(const token&) {}
  void abort() {}
};

int main() {
  freshet::topology_builder builder{"x"};
  builder.sink("out", batch_file{}).input(builder.spout("in", freshet::vector_spout<int>{{}}));
}
