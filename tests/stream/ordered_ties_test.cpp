#include <gtest/gtest.h>

#include <array>

#include "freshet/stream/ordered_stream.hpp"
#include "stream/timed_run.hpp"

// Tuples of one key and one event time, whose order must not be a matter of luck.
namespace freshet {
namespace {

using namespace samples;
using namespace std::chrono_literals;

constexpr std::int64_t rows_each = 40;

/// All at times 0 and 1 by turns; the values say who and the how-manieth.
reading nth(std::int64_t of, std::int64_t n) { return {"k", ms(n % 2), of * 1000 + n}; }

class ordered_ties : public on_every_engine {
 protected:
  stream<reading> rows_of(std::int64_t spout) {
    std::vector<reading> all;
    for (std::int64_t n = 0; n < rows_each; ++n) all.push_back(nth(spout, n));
    return builder.spout("rows " + std::to_string(spout), vector_spout<reading>{all})
        .event_time(&reading::at, {.bound = 1ms});
  }
};
INSTANTIATE_TEST_SUITE_P(, ordered_ties, ::testing::ValuesIn(every_engine()), name_of_engine);

struct numbers {
  using state = std::uint64_t;
  std::int64_t process(const reading& r, state&) { return r.value; }
};

/// First those of time 0, by who and number, then those of time 1.
std::vector<std::int64_t> wanted(std::int64_t sources) {
  std::vector<std::int64_t> all;
  for (std::int64_t time = 0; time < 2; ++time)
    for (std::int64_t of = 0; of < sources; ++of)
      for (std::int64_t n = time; n < rows_each; n += 2) all.push_back(of * 1000 + n);
  return all;
}

/// Three partitions, of which it emits a row each by turns.
struct three_partitions {
  std::vector<std::string> partitions() const { return {"p", "q", "r"}; }
  void open(const task_context& c) {
    for (const auto& p : c.partitions) mine.push_back(p.id);
  }
  poll_status poll(spout_emitter<reading>& out) {
    if (mine.empty()) return poll_status::ended();
    for (auto p : mine) read({p, static_cast<std::uint64_t>(next), static_cast<std::uint64_t>(next) + 1}, out);
    return ++next == rows_each ? poll_status::ended() : poll_status::emitted();
  }
  void read(const position_range& r, spout_emitter<reading>& out) const {
    for (auto i = r.from; i < r.to; ++i)
      out.emit({r.partition, i, i + 1}, nth(r.partition, static_cast<std::int64_t>(i)));
  }
  void seek(const position& p) { next = static_cast<std::int64_t>(p.offset); }
  void commit(const position&) {}
  std::vector<partition_id> mine;
  std::int64_t next = 0;
};

TEST_P(ordered_ties, of_several_partitions_come_partition_by_partition) {
  for (const std::size_t tasks : {1, 3}) {
    builder = stream_builder{"partitions"};
    collect_sink<std::int64_t> got;
    builder.spout("rows", three_partitions{}, {.parallelism = tasks})
        .event_time(&reading::at, {.bound = 1ms})
        .shuffle()
        .map("detour", [](const reading& r) { return r; }, {.parallelism = 2})
        .key_by(&reading::key)
        .ordered(1ms)
        .process("ordered", numbers{})
        .to("numbers", got);
    run();
    EXPECT_EQ(got.take(), wanted(3)) << tasks << " tasks";
  }
}

/// No positions: its tasks stand for partitions.
struct unnamed {
  void open(const task_context& c) { task = static_cast<std::int64_t>(c.task); }
  poll_status poll(spout_emitter<reading>& out) {
    out.emit(nth(task, next));
    return ++next == rows_each ? poll_status::ended() : poll_status::emitted();
  }
  std::int64_t task = 0, next = 0;
};

TEST_P(ordered_ties, of_spouts_without_positions_come_task_by_task) {
  collect_sink<std::int64_t> got;
  builder.spout("rows", unnamed{}, {.parallelism = 3})
      .event_time(&reading::at, {.bound = 1ms})
      .shuffle()
      .map("detour", [](const reading& r) { return r; }, {.parallelism = 2})
      .key_by(&reading::key)
      .ordered(1ms)
      .process("ordered", numbers{})
      .to("numbers", got);
  run();
  EXPECT_EQ(got.take(), wanted(3));
}

TEST_P(ordered_ties, of_several_spouts_come_spout_by_spout) {
  std::array<stream<reading>, 3> each{rows_of(0), rows_of(1), rows_of(2)};
  collect_sink<std::int64_t> got;
  each[2].merge(each[0], each[1]).key_by(&reading::key).ordered(1ms).process("ordered", numbers{}).to("numbers", got);
  run();
  EXPECT_EQ(got.take(), wanted(3));
}

struct window_count {
  using state = std::uint64_t;
  std::string process(const windowed<std::string, std::uint64_t>& w, state&) { return w.key + std::to_string(w.value); }
};

/// Results of windows have the time of their end, whatever their key.
TEST_P(ordered_ties, of_timers_come_key_by_key) {
  std::vector<reading> all;
  std::vector<std::string> keys;
  for (std::int64_t i = 0; i < 26; ++i) keys.push_back(std::string(1, static_cast<char>('a' + i)));
  for (std::int64_t i = 0; i < 52; ++i) all.push_back({keys[static_cast<std::size_t>(i * 7 % 26)], ms(i / 26 * 10), i});
  collect_sink<std::string> got;
  readings(all)
      .key_by(&reading::key)
      .window(tumbling{10ms})
      .count("count", {.parallelism = 4})
      .key_by([](const windowed<std::string, std::uint64_t>&) { return 0; })
      .ordered()
      .process("ordered", window_count{})
      .to("counts", got);
  run();
  std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
    return stable_hash<std::string>::of(a) < stable_hash<std::string>::of(b);
  });
  std::vector<std::string> in_order;
  for (int window = 0; window < 2; ++window)
    for (const auto& k : keys) in_order.push_back(k + "1");
  EXPECT_EQ(got.take(), in_order);
}

}  // namespace
}  // namespace freshet
