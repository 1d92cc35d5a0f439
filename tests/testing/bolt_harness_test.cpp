#include "freshet/testing/bolt_harness.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace {
using namespace freshet;
using freshet::testing::bolt_harness;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

struct order {
  std::string shop;
  std::int64_t cents = 0;
};
struct refused : side_output<order, "refused"> {};
struct add_up {
  using state = std::int64_t;
  void process(const order& o, state& sum, emitter<std::int64_t, refused>& out) {
    sum += o.cents;
    out.emit(sum);
    if (o.cents < 0) out.emit<refused>(o);
    if (o.cents == 13) throw std::invalid_argument("bad luck");
  }
};
constexpr event_time at(std::int64_t ms) { return event_time{std::chrono::milliseconds{ms}}; }

TEST(bolt_harness, calls_a_bolt_with_state_by_key) {
  bolt_harness harness{add_up{}, key_grouping{&order::shop}};
  harness.process({"Oslo", 3}, at(10), at(5));
  harness.process({"Rome", -1});
  harness.process({"Oslo", 4});
  EXPECT_THAT(harness.output().values, ElementsAre(3, -1, 7));
  EXPECT_EQ(harness.output().times[0], at(10));
  EXPECT_EQ(harness.output().stamps[0], at(5));
  ASSERT_EQ(harness.side<refused>().values.size(), 1u);
  EXPECT_EQ(harness.side<refused>().values[0].shop, "Rome");
  EXPECT_EQ(harness.state("Oslo"), 7);
  EXPECT_EQ(harness.state("Paris"), std::nullopt);
  harness.output().clear();
  EXPECT_TRUE(harness.output().values.empty());
}

TEST(bolt_harness, a_call_that_throws_leaves_nothing_behind) {
  bolt_harness harness{add_up{}, key_grouping{&order::shop}};
  harness.process({"Oslo", 3});
  EXPECT_THROW(harness.process({"Oslo", 13}), run_error);
  EXPECT_THAT(harness.output().values, ElementsAre(3));
  EXPECT_EQ(harness.state("Oslo"), 3);
  harness.process({"Oslo", 1});
  EXPECT_THAT(harness.output().values, ElementsAre(3, 4));
}

/// Says of each key that nothing has come for a second.
struct absence {
  using state = std::int64_t;
  void process(const order& o, state& latest, timers& t, emitter<std::string>& out) {
    latest = out.time().time_since_epoch().count();
    t.set(0, out.time() + 1s);
    (void)o;
  }
  void on_timer(const std::string& shop, event_time when, state& latest, timers&, emitter<std::string>& out) {
    out.emit(shop + " silent since " + std::to_string(latest) + " at " +
             std::to_string(when.time_since_epoch().count()));
  }
};

TEST(bolt_harness, timers_fire_as_the_watermark_goes_on) {
  bolt_harness harness{absence{}, key_grouping{&order::shop}};
  harness.process({"Oslo", 1}, at(0));
  harness.process({"Rome", 1}, at(300));
  harness.process({"Oslo", 1}, at(500));
  harness.advance_watermark(at(1299));
  EXPECT_TRUE(harness.output().values.empty());
  harness.advance_watermark(at(1500));
  EXPECT_THAT(harness.output().values, ElementsAre("Rome silent since 300 at 1300", "Oslo silent since 500 at 1500"));
}

struct tick_tock {
  void process(const int& v) { held += v; }
  using output = emitter<int>;
  void open(const task_context& c) { clock = c.clock; }
  void on_tick(emitter<int>& out) { out.emit(static_cast<int>(clock->wall().time_since_epoch() / 1ms)); }
  void flush(emitter<int>& out) { out.emit(std::exchange(held, 0)); }
  const freshet::clock* clock = nullptr;
  int held = 0;
};

TEST(bolt_harness, ticks_and_flushes_when_it_is_told) {
  bolt_harness harness{tick_tock{}};
  harness.process(3);
  harness.process(4);
  harness.advance_clock(250ms);
  harness.tick();
  harness.flush();
  EXPECT_THAT(harness.output().values, ElementsAre(250, 7));
}

struct rule {
  std::int64_t at_least = 0;
};
struct check_rules {
  using output = emitter<std::int64_t>;
  using state = std::int64_t;
  void on_order(const order& o, state& limit, output& out) {
    if (o.cents >= limit) out.emit(o.cents);
  }
  void on_rule(const rule& r, state& limit) { limit = r.at_least; }
};

TEST(bolt_harness, knows_several_inputs_by_the_functions_that_read_them) {
  bolt_harness harness{check_rules{}};
  harness.input<&check_rules::on_order>(global_grouping{});
  harness.input<&check_rules::on_rule>(all_grouping{});
  harness.process<&check_rules::on_order>({"Oslo", 3});
  harness.process<&check_rules::on_rule>({5});
  harness.process<&check_rules::on_order>({"Oslo", 4});
  harness.process<&check_rules::on_order>({"Oslo", 6});
  EXPECT_THAT(harness.output().values, ElementsAre(3, 6));
}

struct check_shared_rule {
  using output = emitter<std::int64_t>;
  using broadcast = std::int64_t;
  void on_order(const order& o, const std::int64_t& limit, output& out) {
    if (o.cents >= limit) out.emit(o.cents);
  }
  void on_rule(const rule& r, std::int64_t& limit) { limit = r.at_least; }
};

TEST(bolt_harness, keeps_broadcast_state_across_snapshots) {
  bolt_harness harness{check_shared_rule{}, forward_grouping{}, freshet::testing::harness_options{.snapshots = true}};
  harness.input<&check_shared_rule::on_order>(shuffle_grouping{});
  harness.input<&check_shared_rule::on_rule>(all_grouping{});
  harness.process<&check_shared_rule::on_rule>({5});
  harness.process<&check_shared_rule::on_order>({"Oslo", 4});
  harness.process<&check_shared_rule::on_order>({"Oslo", 6});
  EXPECT_THAT(harness.output().values, ElementsAre(6));
}

TEST(bolt_harness, takes_lambdas_and_factories) {
  bolt_harness twice{[](const int& v) { return 2 * v; }};
  twice.process(4);
  EXPECT_THAT(twice.output().values, ElementsAre(8));
  bolt_harness made{[] { return add_up{}; }, key_grouping{&order::shop}};
  made.process({"Oslo", 2});
  EXPECT_THAT(made.output().values, ElementsAre(2));
}

TEST(bolt_harness, refuses_what_build_refuses) {
  bolt_harness harness{add_up{}, shuffle_grouping{}};
  EXPECT_THROW(harness.process({"Oslo", 1}), topology_error);
}

TEST(bolt_harness, says_that_nobody_takes_held_tuples) {
  bolt_harness harness{[](const int&, emitter<int>& out) { out.hold().ack(); }};
  try {
    harness.process(1);
    FAIL();
  } catch (const run_error& e) { EXPECT_THAT(e.what(), ::testing::HasSubstr("use a topology_driver")); }
}

}  // namespace
