#include "runtime/engine_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/core/topology_builder.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

topology numbers_graph() {
  topology_builder b{"numbers"};
  const auto in = b.spout("in", vector_spout{std::vector{1}}, {.max_pending = 100});
  const auto slow = b.bolt("slow", [](int v) { return v; }, {.blocking = true}).input(in);
  b.sink("out", [](int) {}).input(slow);
  return b.build();
}

/// A run whose metrics a test writes, looked at ten times a second.
class engine_watches : public ::testing::Test {
 protected:
  engine_watches() : engine_watches(adaptive_options{.longest_stay = 60s, .log = {}}) {}
  explicit engine_watches(const adaptive_options& options) : watch(numbers_graph(), options, 1000) {}
  engine_watch watch;
  engine_watch::time_point now{1h};
  run_metrics m;

  void begin(engine_kind kind) {
    watch.begin(kind, now);
    m = {};
    m.tasks.resize(3);
    m.tasks[0].node = "in";
    m.tasks[1].node = "slow";
    m.tasks[2].node = "out";
  }
  std::string look() {
    now += 100ms;
    m.uptime += 100ms;
    return watch.look(m, now);
  }
  void batch(std::uint64_t rows, bool more = false) {
    batch_progress p;
    p.batch_id = ++m.batches_done;
    p.num_input_rows = rows;
    p.more_at_hand = more;
    m.batches.push_back(p);
    if (m.batches.size() > 3) m.batches.erase(m.batches.begin());
  }
  /// For so much of the next tenth of a second the spout has nothing at hand.
  void rest(double share) {
    const auto up = static_cast<double>(m.uptime.count());
    m.tasks[0].nothing_at_hand = (m.tasks[0].nothing_at_hand * up + share * 1e8) / (up + 1e8);
  }
  /// How many looks it takes until it says something, each behind `each`; 0: more than `most`.
  template <class F>
  int looks_until_switch(int most, F each) {
    for (int i = 1; i <= most; ++i) {
      each();
      if (said = look(); !said.empty()) return i;
    }
    return 0;
  }
  std::string said;
};

TEST_F(engine_watches, leaves_batches_when_they_are_small_for_as_long_as_patience_and_least_stay_ask) {
  begin(engine_kind::batches);
  EXPECT_EQ(looks_until_switch(100, [&] { batch(50); }), 50);  // 5 s, of which the last second counts
  EXPECT_THAT(said, AllOf(HasSubstr("have caught up: for 100 % of 1.0 s"), HasSubstr("100 rows were not reached"),
                          HasSubstr("the largest batch had 50 of 1000")));
}

TEST_F(engine_watches, stays_with_batches_that_are_large) {
  begin(engine_kind::batches);
  EXPECT_EQ(looks_until_switch(200, [&] { batch(101); }), 0);
  EXPECT_EQ(looks_until_switch(100, [&] { batch(100); }), 9);  // nine tenths of the last second
}

TEST_F(engine_watches, stays_with_small_batches_while_spouts_have_more_at_hand) {
  begin(engine_kind::batches);
  EXPECT_EQ(looks_until_switch(200, [&] { batch(10, true); }), 0);
}

TEST_F(engine_watches, does_not_take_a_batch_that_is_long_for_silence) {
  begin(engine_kind::batches);
  batch(10, true);
  m.tasks[0].pending = 10;
  EXPECT_EQ(looks_until_switch(200, [] {}), 0);
  m.tasks[0].pending = 0;
  EXPECT_NE(looks_until_switch(20, [] {}), 0);
}

TEST_F(engine_watches, knows_that_nothing_comes) {
  begin(engine_kind::batches);
  EXPECT_EQ(looks_until_switch(100, [] {}), 50);
}

TEST_F(engine_watches, sees_more_batches_than_are_kept) {
  begin(engine_kind::batches);
  EXPECT_EQ(looks_until_switch(100,
                               [&] {
                                 for (int i = 0; i < 10; ++i) batch(i < 5 ? 1000 : 10);
                               }),
            50);
}

TEST_F(engine_watches, stays_in_events_that_keep_up) {
  begin(engine_kind::events);
  m.tasks[0].pending = 100;
  EXPECT_EQ(looks_until_switch(200, [&] { rest(0.2); }), 0);
}

TEST_F(engine_watches, leaves_events_when_a_spout_has_always_more_at_hand) {
  begin(engine_kind::events);
  m.tasks[0].pending = 77;
  EXPECT_EQ(looks_until_switch(100, [&] { rest(0.05); }), 50);
  EXPECT_THAT(said,
              HasSubstr("spout \"in\" task 0, which has 77 messages pending, had more at hand for 95 % of 1.0 s"));
}

TEST_F(engine_watches, looks_at_the_spout_that_is_behind_most) {
  begin(engine_kind::events);
  m.tasks[1] = m.tasks[0];
  m.tasks[1].task = 1;  // it is never without work
  EXPECT_EQ(looks_until_switch(100, [&] { rest(1); }), 50);
  EXPECT_THAT(said, HasSubstr("spout \"in\" task 1"));
}

TEST_F(engine_watches, leaves_events_when_the_lag_has_lasted) {
  begin(engine_kind::events);
  EXPECT_EQ(looks_until_switch(100, [&] { rest(1); }), 0);
  EXPECT_EQ(looks_until_switch(100, [&] { rest(0); }), 9);  // nine tenths of the last second
  begin(engine_kind::events);
  EXPECT_EQ(looks_until_switch(100, [&, i = 0]() mutable { rest(++i % 5 == 0 ? 1 : 0); }), 0);
}

class engine_watches_without_patience : public engine_watches {
 protected:
  engine_watches_without_patience() : engine_watches(adaptive_options{.patience = 0ns, .least_stay = 0ns, .log = {}}) {}
};

/// Of the time since the look before, whatever there was before that; a look that follows at once says nothing.
TEST_F(engine_watches_without_patience, decides_by_a_single_look) {
  begin(engine_kind::batches);
  EXPECT_EQ(look(), "") << "there is nothing to compare it with";
  EXPECT_EQ(looks_until_switch(20, [&] { batch(500); }), 0);
  batch(50);
  EXPECT_THAT(watch.look(m, now), IsEmpty()) << "no time has passed";
  EXPECT_EQ(looks_until_switch(1, [&] { batch(50); }), 1);
  EXPECT_THAT(said, HasSubstr("for 100 % of 0.1 s"));

  begin(engine_kind::events);
  EXPECT_EQ(look(), "");
  EXPECT_EQ(looks_until_switch(20, [&] { rest(1); }), 0);
  EXPECT_EQ(looks_until_switch(20, [&] { rest(0.2); }), 0) << "it had nothing at hand for a fifth of each";
  EXPECT_EQ(looks_until_switch(1, [&] { rest(0); }), 1);
}

TEST_F(engine_watches, begins_anew_behind_a_pause) {
  begin(engine_kind::batches);
  EXPECT_EQ(looks_until_switch(45, [] {}), 0);
  watch.forget();
  now += 1h;
  EXPECT_EQ(looks_until_switch(100, [] {}), 11);  // the first has nothing to be compared with
}

TEST_F(engine_watches, stays_longer_in_batches_where_events_fall_behind_soon) {
  begin(engine_kind::batches);
  EXPECT_EQ(watch.stay(), 5s);
  for (const auto stay : {10s, 20s, 40s, 60s, 60s}) {
    begin(engine_kind::events);
    EXPECT_EQ(watch.stay(), 5s);
    now += 6s;
    begin(engine_kind::batches);
    EXPECT_EQ(watch.stay(), stay);
  }
  begin(engine_kind::events);
  now += 240s;
  begin(engine_kind::batches);
  EXPECT_EQ(watch.stay(), 5s);
}

}  // namespace
}  // namespace freshet
