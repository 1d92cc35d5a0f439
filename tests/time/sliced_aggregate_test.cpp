#include "freshet/time/sliced_aggregate.hpp"

#include <gtest/gtest.h>

#include <map>

#include "freshet/base/random.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;

constexpr event_time at(std::int64_t ms) { return event_time(event_span(ms)); }

using values = std::vector<int>;
using windows = sliced_aggregate<values>;
static_assert(durable<windows>);

added_to add(windows& all, const hopping& w, event_time t, event_span lateness, event_time stamp, int value) {
  return all.add(
      w, t, lateness, stamp, [] { return values(); }, [&](values& v) { v.push_back(value); });
}
std::pair<window, values> close(windows& all, const hopping& w) {
  const window next = *all.next(w);
  auto v = all.close(w, [](values& a, const values& b) { a.insert(a.end(), b.begin(), b.end()); });
  std::sort(v.begin(), v.end());
  return {next, v};
}

TEST(sliced_aggregate, gives_each_window_its_tuples) {
  const hopping w{10ms, 5ms};
  windows all;
  EXPECT_FALSE(all.next(w));
  for (int t : {1, 6, 12}) EXPECT_EQ(add(all, w, at(t), 0ms, beginning_of_time, t), added_to::windows);
  using row = std::pair<window, values>;
  EXPECT_EQ(close(all, w), row({at(-5), at(5)}, {1}));
  EXPECT_EQ(close(all, w), row({at(0), at(10)}, {1, 6}));
  EXPECT_EQ(close(all, w), row({at(5), at(15)}, {6, 12}));
  EXPECT_EQ(close(all, w), row({at(10), at(20)}, {12}));
  EXPECT_FALSE(all.next(w));
  EXPECT_TRUE(all.empty());
}

TEST(sliced_aggregate, a_tuple_may_be_late_for_some_windows_only) {
  const hopping w{10ms, 5ms};
  windows all;
  add(all, w, at(6), 0ms, beginning_of_time, 1);
  EXPECT_EQ(add(all, w, at(7), 0ms, at(10), 2), added_to::windows);  // late for [0, 10), which isn't closed yet
  EXPECT_EQ(add(all, w, at(7), 0ms, at(15), 3), added_to::none);
  EXPECT_EQ(close(all, w).second, values{1});
  EXPECT_EQ(close(all, w).second, (values{1, 2}));
}

TEST(sliced_aggregate, one_that_woke_behind_finds_its_windows_closed) {
  const hopping w{10ms, 5ms};
  windows all;
  for (int t : {1, 20}) add(all, w, at(t), 0ms, beginning_of_time, t);
  close(all, w);
  close(all, w);                                                       // [0, 10)
  EXPECT_EQ(add(all, w, at(2), 0ms, at(-100), 7), added_to::closed);   // not late by its own stamp
  EXPECT_EQ(add(all, w, at(6), 0ms, at(-100), 8), added_to::windows);  // [5, 15) is open
  EXPECT_EQ(close(all, w), std::pair(window{at(5), at(15)}, values{8}));
}

TEST(sliced_aggregate, leaps_through_years) {
  const hopping w{1h, 1s};
  windows all;
  add(all, w, at(0), 0ms, beginning_of_time, 1);
  add(all, w, event_time(std::chrono::years(5000)), 0ms, beginning_of_time, 2);
  int closed = 0;
  for (; all.next(w); ++closed) close(all, w);
  EXPECT_EQ(closed, 7200);
}

TEST(sliced_aggregate, holds_at_both_ends_of_time) {
  // Where size and slide have no common divisor, slices are as many as there are times.
  for (const hopping& w : {hopping{100ms, 10ms, 3ms}, hopping{10ms, 3ms}, hopping{10ms, 3ms, 1ms}, hopping{3ms, 2ms}}) {
    windows all;
    add(all, w, last_event_time, 0ms, last_event_time, 2);
    add(all, w, first_event_time, 0ms, beginning_of_time, 1);
    std::vector<window> expected, got;
    for (const event_time t : {first_event_time, last_event_time})
      for_each_window(w, t, [&](const window& each) { expected.push_back(each); });
    while (got.size() <= expected.size() && all.next(w)) got.push_back(close(all, w).first);
    EXPECT_EQ(got, expected);
  }
}
TEST(sliced_aggregate, that_slide_by_a_millisecond_leave_out_those_before_all_time) {
  const hopping w{4ms, 1ms};
  for (const event_time t : {first_event_time, last_event_time}) {
    windows all;
    add(all, w, t, 0ms, beginning_of_time, 1);
    std::size_t n = 0;
    for (; n <= 4 && all.next(w); ++n) EXPECT_TRUE(close(all, w).first.contains(t));
    EXPECT_LE(n, 4u);
    EXPECT_GE(n, 1u);
  }
}

/// Random streams with late tuples, against a list a window. The watermark that flows lags behind the stamps.
class brute_force {
 public:
  explicit brute_force(std::uint64_t seed) : random_(seed) {
    const auto size = 1 + random_.below(40);
    w_ = {event_span(size), event_span(1 + random_.below(size)), event_span(random_.below(10))};
    lateness_ = event_span(random_.chance(0.5) ? 0 : random_.below(15));
    bound_ = static_cast<std::int64_t>(random_.below(20));
  }
  void run() {
    for (int i = 0; i < 300; ++i) {
      if (random_.chance(0.02)) now_ += 1000000;
      now_ += static_cast<std::int64_t>(random_.below(4));
      add_one(now_ - static_cast<std::int64_t>(random_.below(60)), i);
      if (random_.chance(0.3))
        advance(std::min(stamp_, at(now_ - bound_ - static_cast<std::int64_t>(random_.below(30)))));
      if (random_.chance(0.05)) reload();
      if (testing::Test::HasFatalFailure()) return;
    }
    advance(end_of_time);
    EXPECT_TRUE(open_.empty() && sliced_.empty());
  }

 private:
  void add_one(std::int64_t t, int value) {
    bool in_any = false;
    for_each_window(w_, at(t), [&](const window& each) {
      if (is_late(each, lateness_, stamp_)) return;
      in_any = true;
      open_[{each.end, each.start}].push_back(value);
    });
    ASSERT_EQ(add(sliced_, w_, at(t), lateness_, stamp_, value), in_any ? added_to::windows : added_to::none);
    stamp_ = std::max(stamp_, at(t - bound_));
  }
  void advance(event_time watermark) {
    while (!open_.empty()) {
      const auto first = open_.begin();
      const window expected{first->first.second, first->first.first};
      ASSERT_EQ(sliced_.next(w_), expected);
      if (!is_closed(expected, lateness_, watermark)) return;
      ASSERT_EQ(close(sliced_, w_).second, first->second);
      open_.erase(first);
    }
    ASSERT_FALSE(sliced_.next(w_));
  }
  void reload() {
    writer w;
    codec<windows>::write(w, sliced_);
    reader r(w.data());
    sliced_ = {};
    codec<windows>::read(r, sliced_, 0);
    ASSERT_TRUE(!r.failed() && r.left() == 0);
  }
  random_source random_;
  hopping w_;
  event_span lateness_{};
  std::int64_t bound_ = 0, now_ = -500;
  event_time stamp_ = beginning_of_time;
  windows sliced_;
  std::map<std::pair<event_time, event_time>, values> open_;  // by end
};

TEST(sliced_aggregate, agrees_with_brute_force_on_random_streams) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    brute_force(seed).run();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace freshet
