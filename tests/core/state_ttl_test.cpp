#include "freshet/core/state_ttl.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/connect/memory/callback_sink.hpp"
#include "freshet/connect/memory/push_spout.hpp"
#include "stream/timed_run.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using samples::ms;
using samples::reading;

struct counted {
  std::string key;
  std::int64_t at = 0, n = 0;
  friend auto operator<=>(const counted&, const counted&) = default;
  friend std::ostream& operator<<(std::ostream& out, const counted& c) {
    return out << c.key << "@" << c.at << " " << c.n;
  }
};
struct count_uses {
  using state = std::int64_t;
  void process(const reading& r, state& n, emitter<counted>& out) {
    out.emit({r.key, r.at.time_since_epoch().count(), ++n});
  }
};
constexpr event_span ttl{50};

class state_ttl_runs : public samples::on_every_engine {};
INSTANTIATE_TEST_SUITE_P(engines, state_ttl_runs, ::testing::ValuesIn(samples::every_engine()),
                         samples::name_of_engine);

/// Against a loop over a map, one partition: what begins anew does not depend on the engine.
TEST_P(state_ttl_runs, a_key_begins_anew_where_its_last_use_is_long_ago) {
  random_source random(6);
  std::vector<reading> all;
  std::int64_t time = 0;
  for (int i = 0; i < 3000; ++i) {
    time += static_cast<std::int64_t>(random.below(6));
    const auto late = static_cast<std::int64_t>(random.below(10));
    all.push_back({"k" + std::to_string(random.below(40)), ms(time - late), i});
  }
  struct kept {
    std::int64_t used = 0, n = 0;
  };
  std::map<std::string, kept> keys;
  std::vector<counted> expected;
  std::int64_t stamp = std::numeric_limits<std::int64_t>::min(), expired = 0;
  for (const auto& r : all) {
    const auto at = r.at.time_since_epoch().count();
    auto& k = keys[r.key];
    if (k.n > 0 && k.used + ttl.count() <= stamp) k = {}, ++expired;
    k.used = k.n > 0 ? std::max(k.used, at) : at;
    expected.push_back({r.key, at, ++k.n});
    stamp = std::max(stamp, at - 10);
  }
  ASSERT_GT(expired, 100);
  collect_sink<counted> got;
  readings(all, {.bound = 10ms})
      .key_by(&reading::key)
      .process("count", count_uses{}, {.parallelism = 2, .state_ttl = {ttl}})
      .to("got", got);
  auto run = samples::start_on(GetParam().second, builder.build());
  run.wait();
  EXPECT_EQ(samples::sorted(got.take()), samples::sorted(expected));
  EXPECT_GE(run.metrics().node("count").state_expired, static_cast<std::uint64_t>(expired));
}

/// A wall clock that stands still until it is moved; spans pass as ever. Counts how often it was looked at.
class held_wall final : public clock {
 public:
  std::chrono::steady_clock::time_point now() const noexcept override { return clock::real().now(); }
  event_time wall() const noexcept override {
    const event_time t{event_span{wall_.load()}};
    ++looks_;
    return t;
  }
  void move(event_span by) { wall_ += by.count(); }
  std::uint64_t looks() const { return looks_; }

 private:
  std::atomic<std::int64_t> wall_{1'000'000};
  mutable std::atomic<std::uint64_t> looks_{0};
};

constexpr int many_keys = 5000;
/// Waits until the keys that came once are gone, all of them, and the one that goes on to come is there. A key of that
/// one is pushed for each look: cleaning follows what a task does.
template <class Push>
void await_one_row(topology_run& run, const Push& push_another) {
  while (run.metrics().node("count").state_rows != 1) push_another();
  EXPECT_GE(run.metrics().node("count").state_expired, static_cast<std::uint64_t>(many_keys));
}

TEST_P(state_ttl_runs, keys_that_do_not_come_again_are_all_forgotten_behind_the_watermark) {
  push_spout<reading> in;
  builder.spout("in", in)
      .event_time(&reading::at)
      .key_by(&reading::key)
      .process("count", count_uses{}, {.state_ttl = {ttl}})
      .to("got", callback_sink<counted>{[](const counted&) {}});
  auto run = samples::start_on(samples::answering_at_once(GetParam().second), builder.build());
  for (int i = 0; i < many_keys; ++i) ASSERT_TRUE(in.push({std::to_string(i), ms(0), i}));
  while (run.metrics().node("count").state_rows < many_keys) std::this_thread::sleep_for(100us);
  auto now = ms(2 * ttl.count());
  await_one_row(run, [&] { ASSERT_TRUE(in.push({"another", now += event_span{1}, 0})); });
  in.close();
  run.wait();
}

TEST_P(state_ttl_runs, in_processing_time_the_clock_of_the_run_decides) {
  held_wall clock;
  auto engine = samples::answering_at_once(GetParam().second);
  std::visit([&clock](auto& options) { options.clock = &clock; }, engine);
  push_spout<reading> in;
  std::atomic<std::int64_t> last{0};
  builder.spout("in", in)
      .key_by(&reading::key)
      .process("count", count_uses{}, {.state_ttl = {.after = 1h, .measured_in = time_domain::processing}})
      .to("got", callback_sink<counted>{[&last](const counted& c) { last = c.n; }});
  auto run = samples::start_on(engine, builder.build());
  const auto push = [&](const std::string& key) {
    last = 0;
    ASSERT_TRUE(in.push({key, {}, 0}));
    while (last == 0) std::this_thread::sleep_for(100us);
  };
  // A task looks at the clock once a slice, and a slice may have begun before the clock was moved.
  const auto move = [&](event_span by) {
    clock.move(by);
    for (const auto seen = clock.looks(); clock.looks() < seen + 6;) push("another");
  };
  push("a");
  push("a");
  EXPECT_EQ(last, 2);
  move(59min);
  push("a");
  EXPECT_EQ(last, 3);
  move(60min);
  push("a");
  EXPECT_EQ(last, 1);
  in.close();
  run.wait();
}

TEST_P(state_ttl_runs, keys_that_do_not_come_again_are_all_forgotten_behind_the_clock) {
  held_wall clock;
  auto engine = samples::answering_at_once(GetParam().second);
  std::visit([&clock](auto& options) { options.clock = &clock; }, engine);
  push_spout<reading> in;
  builder.spout("in", in)
      .key_by(&reading::key)
      .process("count", count_uses{}, {.state_ttl = {.after = 1h, .measured_in = time_domain::processing}})
      .to("got", callback_sink<counted>{[](const counted&) {}});
  auto run = samples::start_on(engine, builder.build());
  for (int i = 0; i < many_keys; ++i) ASSERT_TRUE(in.push({std::to_string(i), {}, i}));
  while (run.metrics().node("count").state_rows < many_keys) std::this_thread::sleep_for(100us);
  clock.move(1h);
  await_one_row(run, [&] { ASSERT_TRUE(in.push({"another", {}, 0})); });
  in.close();
  run.wait();
}

TEST(state_ttl, build_finds_what_cannot_be) {
  stream_builder builder{"wrong"};
  const auto in = builder.spout("in", vector_spout<reading>{{}}).key_by(&reading::key);
  (void)in.process("no times", count_uses{}, {.state_ttl = {ttl}});
  (void)in.process("negative", count_uses{}, {.state_ttl = {-ttl, time_domain::processing}});
  (void)builder.spout("other", vector_spout<int>{{}})
      .map("no state", [](int i) { return i; }, {.state_ttl = {ttl, time_domain::processing}});
  try {
    (void)builder.build();
    FAIL();
  } catch (const topology_error& e) {
    const std::string all = e.what();
    EXPECT_NE(all.find("bolt \"no times\" works with event times"), std::string::npos) << all;
    EXPECT_NE(all.find("bolt \"negative\" has a negative state_ttl"), std::string::npos) << all;
    EXPECT_NE(all.find("bolt \"no state\" has a state_ttl, which is for states by key"), std::string::npos) << all;
  }
}

}  // namespace
}  // namespace freshet
