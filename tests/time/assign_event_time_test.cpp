#include "freshet/time/assign_event_time.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <sstream>
#include <thread>

#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace samples;
using namespace std::chrono_literals;

class event_times : public on_every_engine {
 protected:
  struct seen {
    std::int64_t value;
    event_time time, stamp;
    friend auto operator<=>(const seen&, const seen&) = default;
  };
  /// What a bolt in another task sees of each reading.
  std::vector<seen> all(const stream_ref<reading>& timed) {
    collect_sink<seen> got;
    const auto looked = stream{timed}.shuffle().process("look", [](const reading& r, emitter<seen>& out) {
      out.emit({r.value, out.time(), out.stamp()});
    });
    looked.to("seen", got);
    run();
    return sorted(got.take());
  }
};
INSTANTIATE_TEST_SUITE_P(, event_times, testing::ValuesIn(every_engine()), name_of_engine);

TEST_P(event_times, travel_with_their_stamps) {
  const auto timed = readings({{"a", ms(10), 1}, {"a", ms(7), 2}, {"a", ms(20), 3}, {"a", ms(21), 4}}, {.bound = 2ms});
  EXPECT_EQ(
      all(timed),
      (std::vector<seen>{{1, ms(10), beginning_of_time}, {2, ms(7), ms(8)}, {3, ms(20), ms(8)}, {4, ms(21), ms(18)}}));
}

TEST_P(event_times, can_be_set_behind_bolts_without_state) {
  const auto lines = builder.spout("lines", vector_spout<std::string>{{"10 1", "bad", "7 2", "9 3 8 4"}});
  const auto parsed = lines.flat_map("parse", [](const std::string& line, emitter<reading>& out) {
    std::istringstream in(line);
    for (std::int64_t time = 0, value = 0; in >> time >> value;) out.emit({"a", ms(time), value});
  });
  // Those of one message share its stamp.
  EXPECT_EQ(
      all(parsed.event_time(&reading::at)),
      (std::vector<seen>{{1, ms(10), beginning_of_time}, {2, ms(7), ms(10)}, {3, ms(9), ms(10)}, {4, ms(8), ms(10)}}));
}

TEST_P(event_times, follow_a_policy) {
  const auto in = builder.spout(
      "readings", vector_spout<reading>{{{"tick", ms(5), 1}, {"a", ms(9), 2}, {"tick", ms(7), 3}, {"a", ms(9), 4}}});
  const auto ticks = [](event_time t, const reading& r) { return r.key == "tick" ? std::optional(t) : std::nullopt; };
  EXPECT_EQ(
      all(in.event_time(&reading::at, punctuated{ticks})),
      (std::vector<seen>{{1, ms(5), beginning_of_time}, {2, ms(9), ms(5)}, {3, ms(7), ms(5)}, {4, ms(9), ms(7)}}));
}

/// Gives its messages their times itself.
struct timed_spout {
  std::int64_t next = 0;
  poll_status poll(spout_emitter<reading>& out) {
    if (next == 3) return poll_status::ended();
    out.emit_at(ms(next * 10), {"a", {}, next});
    ++next;
    return poll_status::emitted();
  }
};
TEST_P(event_times, may_be_the_spouts) {
  const auto in = builder.spout("readings", timed_spout{});
  EXPECT_EQ(all(in.event_time(time_of_spout{}, ascending{})),
            (std::vector<seen>{{0, ms(0), beginning_of_time}, {1, ms(10), ms(-1)}, {2, ms(20), ms(9)}}));
}

TEST_P(event_times, at_the_ends_of_time_count_as_the_nearest) {
  const auto timed = readings({{"a", beginning_of_time, 1}, {"a", end_of_time, 2}});
  EXPECT_EQ(all(timed),
            (std::vector<seen>{{1, first_event_time, beginning_of_time}, {2, last_event_time, first_event_time}}));
}

/// Two partitions: the first goes on while the second says nothing, and then says something old.
struct sleepy_spout {
  std::vector<std::string> partitions() const { return {"awake", "asleep"}; }
  void open(const task_context& c) { clock = c.clock; }
  poll_status poll(spout_emitter<reading>& out) {
    const auto i = next++;
    if (i < 100) out.emit({0, i, i + 1}, {"awake", ms(static_cast<std::int64_t>(i) * 10), 1});
    else if (!is_closed->load()) --next;
    else if (i == 100) out.emit({1, 0, 1}, {"asleep", ms(3), 7});
    else return poll_status::ended();
    return poll_status::idle_until(clock->now() + 1ms);
  }
  const freshet::clock* clock = nullptr;
  std::uint64_t next = 0;
  std::shared_ptr<std::atomic<bool>> is_closed = std::make_shared<std::atomic<bool>>(false);
};
TEST_P(event_times, of_idle_partitions_are_not_waited_for) {
  if (GetParam().first == "batches_of_1000") GTEST_SKIP() << "they would wait for 1000 rows";
  sleepy_spout spout;
  auto is_closed = spout.is_closed;
  const auto w = builder.spout("readings", spout)
                     .event_time(&reading::at, {.idle_timeout = 20ms})
                     .key_by(&reading::key)
                     .window(tumbling{500ms})
                     .count("n");
  collect_sink<late_tuple<reading>> late;
  w.late().to("late", late);
  // The first window closes though one partition has said nothing; only then does that wake.
  w.peek("closed", [is_closed](const auto&) { is_closed->store(true); });
  EXPECT_EQ(rows(w), (std::vector<row>{{"awake", 0, 500, 50}, {"awake", 500, 1000, 50}}));
  const auto all = late.take();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].reason, late_reason::woke);
  EXPECT_EQ(all[0].value.value, 7);
  EXPECT_EQ(all[0].stamp, beginning_of_time);
}

/// Keeps the reading of value 3 until it is told.
struct hold_one {
  std::shared_ptr<std::atomic<bool>> may_go;
  std::optional<held_tuple> held;
  void process(const reading& r, emitter<void>& out) {
    if (r.value == 3) held = out.hold();
  }
  void on_tick() {
    if (held && may_go->load()) std::exchange(held, {})->ack();
  }
};
TEST(event_times_at_least_once, an_unfinished_message_holds_the_watermark_back_and_is_named) {
  const auto may_go = std::make_shared<std::atomic<bool>>(false);
  stream_builder builder{"readings"};
  const std::vector<reading> all{{"a", ms(0), 1}, {"a", ms(10), 2}, {"a", ms(20), 3}, {"a", ms(30), 4}};
  const auto timed = builder.spout("readings", vector_spout<reading>{all}, {.max_batch = 1}).event_time(&reading::at);
  auto make = [may_go] { return hold_one{may_go, {}}; };
  (void)builder.bolt("hold", make, {.tick = 1ms}).input(timed, shuffle_grouping{});
  auto r = event_executor{{.guarantee = guarantee::at_least_once, .workers = 1}}.start(builder.build());
  while (!r.metrics().node("readings").holding_back) std::this_thread::sleep_for(1ms);
  const auto spout = r.metrics().node("readings");
  EXPECT_EQ(spout.holding_back->partition, 0u);
  EXPECT_LE(spout.holding_back->offset, 2u);
  while (r.metrics().node("hold").executed < 4) std::this_thread::sleep_for(1ms);
  while (r.metrics().node("readings").holding_back->offset != 2) std::this_thread::sleep_for(1ms);
  EXPECT_LT(r.metrics().node("hold").watermark, ms(20));
  const auto metrics = r.metrics();
  EXPECT_GT(metrics.node("readings").watermark_lag(metrics.taken), event_span{1'700'000'000'000}) << "since 1970";
  may_go->store(true);
  r.wait();
  EXPECT_FALSE(r.metrics().node("readings").holding_back);
  EXPECT_EQ(r.metrics().node("hold").watermark_lag(metrics.taken), std::nullopt) << "time has ended";
  EXPECT_EQ(r.metrics().node("hold").watermark, end_of_time);
}

/// Goes on until the run is over.
struct endless_spout {
  std::int64_t next = 0;
  poll_status poll(spout_emitter<reading>& out) {
    if (next < 20) out.emit({"a", ms(next++), 1});
    return next < 20 ? poll_status::emitted() : poll_status::idle();
  }
};
TEST_P(event_times, end_with_a_drain_and_not_with_a_stop) {
  const auto w = builder.spout("readings", endless_spout{})
                     .event_time(&reading::at)
                     .key_by(&reading::key)
                     .window(tumbling{10ms})
                     .count("n");
  collect_sink<windowed<std::string, std::uint64_t>> got;
  w.to("results", got);
  const auto graph = builder.build();
  for (const bool drains : {true, false}) {
    auto r = start_on(GetParam().second, graph);
    while (r.metrics().node("readings").emitted < 20) std::this_thread::sleep_for(1ms);
    if (drains) r.drain();
    else r.stop();
    r.wait();
    EXPECT_EQ(got.take().size(), drains ? 2u : 1u);
  }
}

}  // namespace
}  // namespace freshet
