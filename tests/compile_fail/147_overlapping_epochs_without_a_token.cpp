// expect: a sink with `overlaps_epochs = true` may begin an epoch before the one before is committed
#include "freshet/freshet.hpp"

struct rows_in_a_transaction {
#ifndef GOOD
  static constexpr bool overlaps_epochs = true;
#endif
  void begin(const freshet::epoch_id&) {}
  void write(int) {}
  void prepare() {}
  void commit() {}
  void abort() {}
  std::optional<freshet::epoch_id> last_committed() const { return {}; }
};

void build(freshet::topology_builder& builder) {
  auto numbers = builder.spout("numbers", freshet::vector_spout<int>{{1}});
  builder.sink("rows", rows_in_a_transaction{}).input(numbers);
}
