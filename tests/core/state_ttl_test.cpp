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

TEST_P(state_ttl_runs, memory_of_keys_that_do_not_come_again_is_given_back) {
  std::vector<reading> all;
  for (int i = 0; i < 20'000; ++i) all.push_back({std::to_string(i), ms(i), i});
  collect_sink<counted> got;
  builder.spout("readings", vector_spout<reading>{all}, {.max_pending = 1000})
      .event_time(&reading::at)
      .key_by(&reading::key)
      .process("count", count_uses{}, {.state_ttl = {ttl}})
      .to("got", got);
  auto run = samples::start_on(GetParam().second, builder.build());
  run.wait();
  const auto count = run.metrics().node("count");
  EXPECT_EQ(count.state_rows + count.state_expired, 20'000u);
  EXPECT_GE(count.state_rows, 50u);  // those used within the time to live
  // Where the watermark waits for messages to be finished it is 1000 of them behind at most; cleaning follows it.
  EXPECT_LT(count.state_rows, 10'000u);
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
