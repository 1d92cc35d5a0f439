#include "freshet/time/watermark_merge.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "freshet/base/random.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;
using effect = watermark_merge::effect;

constexpr event_time at(std::int64_t ms) { return event_time(event_span(ms)); }

TEST(watermark_merge, is_the_smallest_of_all_inputs) {
  watermark_merge m(3);
  EXPECT_EQ(m.watermark(), beginning_of_time);
  EXPECT_EQ(m.slowest(), 0u);
  EXPECT_EQ(m.advance(0, at(5)), effect::none);
  EXPECT_EQ(m.advance(1, at(3)), effect::none);
  EXPECT_EQ(m.slowest(), 2u);  // who has said nothing yet holds all back
  EXPECT_EQ(m.advance(2, at(9)), effect::advanced);
  EXPECT_EQ(m.watermark(), at(3));
  EXPECT_EQ(m.slowest(), 1u);
  EXPECT_EQ(m.advance(1, at(7)), effect::advanced);
  EXPECT_EQ(m.watermark(), at(5));
  EXPECT_EQ(m.advance(0, at(4)), effect::none);  // an input never goes back
  EXPECT_EQ(m.watermark_of(0), at(5));
}

TEST(watermark_merge, stands_where_it_was_when_its_inputs_are_replaced) {
  watermark_merge m(2);
  m.advance(0, at(5));
  m.advance(1, at(9));
  const auto first = m.said_by(0), second = m.said_by(1);
  m.replace({second, first, second});
  EXPECT_EQ(m.size(), 3u);
  EXPECT_EQ(m.watermark(), at(5));
  EXPECT_EQ(m.slowest(), 1u);
  EXPECT_EQ(m.watermark_of(2), at(9));
  EXPECT_EQ(m.advance(1, at(12)), effect::advanced);
  EXPECT_EQ(m.watermark(), at(9));
}

TEST(watermark_merge, inputs_that_were_idle_or_had_ended_are_so_when_they_are_moved) {
  watermark_merge m(3);
  m.advance(0, at(5));
  m.mark_idle(1);
  m.advance(2, end_of_time);
  m.replace({m.said_by(2), m.said_by(1), m.said_by(0)});
  EXPECT_TRUE(m.is_idle(1));
  EXPECT_EQ(m.slowest(), 2u);
  EXPECT_EQ(m.advance(2, at(7)), effect::advanced);
  EXPECT_EQ(m.watermark(), at(7));
  m.advance(2, end_of_time);
  EXPECT_TRUE(m.is_idle());
}

TEST(watermark_merge, leaves_idle_inputs_out) {
  watermark_merge m(2);
  m.advance(0, at(10));
  EXPECT_EQ(m.mark_idle(1), effect::advanced);
  EXPECT_EQ(m.watermark(), at(10));
  EXPECT_TRUE(m.is_idle(1));
  EXPECT_EQ(m.mark_idle(1), effect::none);
  EXPECT_FALSE(m.is_idle());
  EXPECT_EQ(m.mark_idle(0), effect::none);
  EXPECT_TRUE(m.is_idle());
  EXPECT_EQ(m.watermark(), at(10));
  EXPECT_EQ(m.slowest(), m.size());
}

TEST(watermark_merge, is_the_same_in_whatever_order_inputs_become_idle_or_end) {
  const auto merged = [](std::vector<int> order) {
    watermark_merge m(3);
    for (int i : order) {
      m.advance(static_cast<std::size_t>(i), at(10 * i));
      if (i == 1) m.advance(1, end_of_time);
      else m.mark_idle(static_cast<std::size_t>(i));
    }
    EXPECT_TRUE(m.is_idle());
    return m.watermark();
  };
  std::vector<int> order{0, 1, 2};
  do EXPECT_EQ(merged(order), at(20));
  while (std::next_permutation(order.begin(), order.end()));
}

TEST(watermark_merge, tells_apart_who_wakes_behind) {
  watermark_merge m(2);
  m.advance(0, at(10));
  m.mark_idle(1);
  EXPECT_EQ(m.advance(1, at(4)), effect::woke_behind);
  EXPECT_TRUE(m.is_behind(1));
  EXPECT_EQ(m.watermark(), at(10));               // never back
  EXPECT_EQ(m.advance(0, at(20)), effect::none);  // and not on, before it has caught up
  EXPECT_EQ(m.advance(1, at(9)), effect::none);   // said once
  EXPECT_EQ(m.advance(1, at(10)), effect::none);
  EXPECT_FALSE(m.is_behind(1));
  EXPECT_EQ(m.advance(1, at(15)), effect::advanced);
  m.mark_idle(1);
  EXPECT_EQ(m.watermark(), at(20));
  EXPECT_EQ(m.advance(1, at(21)), effect::none);  // woke, but not behind
}

TEST(watermark_merge, waking_alone_moves_on) {
  watermark_merge m(2);
  m.mark_idle(0);
  m.mark_idle(1);
  EXPECT_EQ(m.advance(1, at(4)), effect::advanced);
  EXPECT_FALSE(m.is_idle());
  EXPECT_EQ(m.watermark(), at(4));
}

TEST(watermark_merge, ends_when_all_have_ended) {
  watermark_merge m(3);
  m.advance(0, at(3));
  m.advance(1, at(4));
  EXPECT_EQ(m.advance(2, end_of_time), effect::advanced);
  EXPECT_EQ(m.watermark(), at(3));
  EXPECT_EQ(m.mark_idle(2), effect::none);
  m.mark_idle(0);
  EXPECT_EQ(m.watermark(), at(4));
  EXPECT_EQ(m.advance(1, end_of_time), effect::none);  // an idle input has not ended: it may wake
  EXPECT_TRUE(m.is_idle());
  EXPECT_EQ(m.watermark(), at(4));
  EXPECT_EQ(m.advance(0, end_of_time), effect::advanced);
  EXPECT_TRUE(m.has_ended());
  EXPECT_EQ(m.watermark(), end_of_time);
  EXPECT_EQ(m.advance(0, at(7)), effect::none);
}

TEST(watermark_merge, new_inputs_hold_back_but_not_down) {
  watermark_merge m;
  EXPECT_EQ(m.slowest(), 0u);
  EXPECT_FALSE(m.has_ended());
  EXPECT_FALSE(m.is_idle());
  EXPECT_EQ(m.add(), 0u);
  EXPECT_EQ(m.advance(0, at(8)), effect::advanced);
  EXPECT_EQ(m.add(), 1u);
  EXPECT_EQ(m.advance(0, at(9)), effect::none);
  EXPECT_TRUE(m.is_behind(1));
  EXPECT_EQ(m.slowest(), 1u);
  m.advance(1, at(30));
  EXPECT_EQ(m.watermark(), at(9));
}

/// The rule written out, for comparison.
struct plain_merge {
  std::vector<event_time> marks;
  std::vector<bool> idle;
  event_time merged = beginning_of_time;
  event_time said = beginning_of_time;  // before an input was idle or ended
  void settle() {
    bool any = false, all_ended = true;
    event_time least = end_of_time;
    for (std::size_t i = 0; i < marks.size(); ++i) {
      all_ended = all_ended && marks[i] == end_of_time;
      if (idle[i] || marks[i] == end_of_time) continue;
      any = true;
      least = std::min(least, marks[i]);
    }
    merged = std::max(merged, any || all_ended ? least : said);
  }
};

TEST(watermark_merge, agrees_with_the_rule_on_random_reports) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    random_source random(seed);
    const std::size_t n = 1 + random.below(9);
    watermark_merge m(n);
    plain_merge plain{std::vector<event_time>(n, beginning_of_time), std::vector<bool>(n)};
    for (int step = 0; step < 200; ++step) {
      const std::size_t i = random.below(n);
      const event_time before = plain.merged;
      const bool woke = plain.idle[i];
      effect e;
      if (random.chance(0.2)) {
        e = m.mark_idle(i);
        if (plain.marks[i] != end_of_time) plain.said = std::max(plain.said, plain.marks[i]);
        plain.idle[i] = plain.idle[i] || plain.marks[i] != end_of_time;
      } else {
        const bool ends = random.chance(0.01);
        const event_time w = ends ? end_of_time : at(static_cast<std::int64_t>(random.below(20)) + step);
        e = m.advance(i, w);
        if (ends && plain.marks[i] != end_of_time) plain.said = std::max(plain.said, plain.marks[i]);
        plain.marks[i] = std::max(plain.marks[i], w);
        plain.idle[i] = false;
      }
      plain.settle();
      ASSERT_EQ(m.watermark(), plain.merged) << "seed " << seed << " step " << step;
      ASSERT_EQ(e == effect::advanced, plain.merged > before);
      ASSERT_EQ(e == effect::woke_behind, woke && !plain.idle[i] && plain.marks[i] < plain.merged);
      if (const auto s = m.slowest(); s < n) {
        for (std::size_t j = 0; j < n; ++j)
          ASSERT_TRUE(m.is_idle(j) || std::pair(m.watermark_of(s), s) <= std::pair(m.watermark_of(j), j));
      }
    }
  }
}

TEST(idle_timer, is_over_when_nothing_came_for_the_timeout) {
  const idle_timer::time_point start{100s};
  idle_timer t(10s, start);
  EXPECT_FALSE(t.is_over(start + 9s));
  EXPECT_TRUE(t.is_over(start + 10s));
  t.restart(start + 9s);
  EXPECT_FALSE(t.is_over(start + 18s));
  EXPECT_EQ(t.due(), start + 19s);
  EXPECT_FALSE(idle_timer(0s, start).is_over(idle_timer::time_point{10000s}));
  EXPECT_EQ(idle_timer(std::chrono::nanoseconds::max(), start).due(), idle_timer::time_point::max());
}

}  // namespace
}  // namespace freshet
