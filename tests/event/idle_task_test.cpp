#include <gtest/gtest.h>

#include "freshet/stream/ordered_stream.hpp"
#include "stream/timed_run.hpp"

// Tasks that have no partition, and so nothing to say about time.
namespace freshet {
namespace {

using namespace samples;
using namespace std::chrono_literals;

/// One partition of one row: a second task has none.
struct one_partition {
  std::vector<std::string> partitions() const { return {"p"}; }
  void open(const task_context& c) { mine = !c.partitions.empty(); }
  poll_status poll(spout_emitter<reading>& out) {
    if (mine) read({0, 0, 1}, out);
    return poll_status::ended();
  }
  void read(const position_range& r, spout_emitter<reading>& out) const {
    out.emit({r.partition, r.from, r.to}, {"k", ms(5), 1});
  }
  void seek(const position&) {}
  void commit(const position&) {}
  bool mine = false;
};
struct passing {
  using state = std::uint64_t;
  reading process(const reading& r, state&) const { return r; }
};

class idle_tasks : public on_every_engine {};
INSTANTIATE_TEST_SUITE_P(, idle_tasks, ::testing::ValuesIn(every_engine()), name_of_engine);

/// The row waits for the end, which the one task has told and the other has not: were that one idle, and so all that
/// have not ended, nobody would wait for the row, which would come late.
TEST_P(idle_tasks, one_that_is_about_to_end_makes_nothing_late) {
  for (int round = 0; round < 100 && !HasFailure(); ++round) {
    builder = stream_builder{"idle"};
    const auto waits = builder.spout("rows", one_partition{}, {.parallelism = 2})
                           .event_time(&reading::at, {.bound = 10ms})
                           .key_by(&reading::key)
                           .ordered()
                           .process("ordered", passing{});
    const auto windows =
        waits.merge(readings({{"k", ms(1000), 2}})).key_by(&reading::key).window(tumbling{10ms}).count("count");
    collect_sink<late_tuple<reading>> late;
    windows.late().to("late", late);
    EXPECT_EQ(rows(windows).size(), 2u) << "round " << round;
    EXPECT_EQ(late.take().size(), 0u) << "round " << round;
  }
}

}  // namespace
}  // namespace freshet
