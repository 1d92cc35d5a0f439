// expect: a sink's token without fields can't say which epoch is to be committed
#include "freshet/freshet.hpp"

struct rows_by_epoch {
#ifdef GOOD
  struct token {
    std::uint64_t epoch = 0;
  };
#else
  struct token {};
#endif
  void begin(const freshet::epoch_id&) {}
  void write(int) {}
  token prepare() { return {}; }
  void commit(const token&) {}
  void abort() {}
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.sink("rows", rows_by_epoch{}).input(numbers);
}
