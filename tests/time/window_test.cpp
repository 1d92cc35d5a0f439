#include "freshet/time/window.hpp"

#include <gtest/gtest.h>

#include "freshet/base/random.hpp"
#include "freshet/core/codec.hpp"
#include "freshet/core/stable_hash.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;

static_assert(durable<window> && key_value<window>);

constexpr event_time at(std::int64_t ms) { return event_time(event_span(ms)); }
constexpr window span(std::int64_t from, std::int64_t to) { return {at(from), at(to)}; }

template <class W>
std::vector<window> windows_of(const W& w, event_time t) {
  std::vector<window> all;
  for_each_window(w, t, [&](const window& each) { all.push_back(each); });
  return all;
}
std::vector<window> list(std::initializer_list<window> all) { return all; }

TEST(window, is_half_open) {
  EXPECT_TRUE(span(10, 20).contains(at(10)));
  EXPECT_TRUE(span(10, 20).contains(at(19)));
  EXPECT_FALSE(span(10, 20).contains(at(20)));
  EXPECT_FALSE(span(10, 20).contains(at(9)));
  EXPECT_EQ(result_time(span(10, 20)), at(19));
}

TEST(window, tumbling_begins_at_multiples) {
  const tumbling w{10ms};
  EXPECT_EQ(window_of(w, at(0)), span(0, 10));
  EXPECT_EQ(window_of(w, at(9)), span(0, 10));
  EXPECT_EQ(window_of(w, at(10)), span(10, 20));  // exactly at the end: the next one
  EXPECT_EQ(window_of(w, at(-1)), span(-10, 0));
  EXPECT_EQ(window_of(w, at(-10)), span(-10, 0));
  EXPECT_EQ(window_of(w, at(-11)), span(-20, -10));
  EXPECT_EQ(windows_of(w, at(25)), list({span(20, 30)}));
  EXPECT_EQ(window_of(tumbling{1ms}, at(7)), span(7, 8));
}

TEST(window, offsets_move_the_boundaries) {
  for (const auto offset : {3ms, 13ms, -7ms, -17ms, 1000000003ms}) {
    EXPECT_EQ(window_of(tumbling{10ms, offset}, at(2)), span(-7, 3)) << offset.count();
    EXPECT_EQ(window_of(tumbling{10ms, offset}, at(3)), span(3, 13)) << offset.count();
    EXPECT_EQ(window_of(tumbling{10ms, offset}, at(-8)), span(-17, -7)) << offset.count();
  }
}

TEST(window, hopping_overlaps) {
  const hopping w{10ms, 5ms};
  EXPECT_EQ(windows_of(w, at(7)), list({span(0, 10), span(5, 15)}));
  EXPECT_EQ(windows_of(w, at(5)), list({span(0, 10), span(5, 15)}));
  EXPECT_EQ(windows_of(w, at(4)), list({span(-5, 5), span(0, 10)}));
  EXPECT_EQ(windows_of(w, at(-1)), list({span(-10, 0), span(-5, 5)}));
  EXPECT_EQ(windows_of(hopping{10ms, 10ms}, at(-1)), list({span(-10, 0)}));
  EXPECT_EQ(windows_of(hopping{10ms, 4ms}, at(0)), list({span(-8, 2), span(-4, 6), span(0, 10)}));
  EXPECT_EQ(windows_of(hopping{10ms, 4ms}, at(3)), list({span(-4, 6), span(0, 10)}));
  EXPECT_EQ(windows_of(hopping{10ms, 5ms, 2ms}, at(0)), list({span(-8, 2), span(-3, 7)}));
}

TEST(window, hopping_agrees_with_its_definition) {
  random_source random(3);
  for (int i = 0; i < 3000; ++i) {
    const auto size = static_cast<std::int64_t>(1 + random.below(30));
    const auto slide = static_cast<std::int64_t>(1 + random.below(static_cast<std::uint64_t>(size)));
    const auto offset = static_cast<std::int64_t>(random.below(100)) - 50;
    const auto t = static_cast<std::int64_t>(random.below(200)) - 100;
    std::vector<window> expected;
    for (std::int64_t n = -400; n < 400; ++n)
      if (const auto w = span(offset + n * slide, offset + n * slide + size); w.contains(at(t))) expected.push_back(w);
    const hopping w{event_span(size), event_span(slide), event_span(offset)};
    ASSERT_EQ(windows_of(w, at(t)), expected) << size << ' ' << slide << ' ' << offset << ' ' << t;
    const window slice = slice_of(w, at(t));
    ASSERT_TRUE(slice.contains(at(t)));
    ASSERT_EQ(windows_of(w, slice.start), expected);
    ASSERT_EQ(windows_of(w, result_time(slice)), expected);
  }
}

TEST(window, slices_are_as_large_as_they_can_be) {
  EXPECT_EQ(slice_size({1h, 15min}), 15min);
  EXPECT_EQ(slice_size({1h, 1s}), 1s);
  EXPECT_EQ(slice_size({10ms, 4ms}), 2ms);
  EXPECT_EQ(slice_size({7ms, 7ms}), 7ms);
  EXPECT_EQ(slice_of({10ms, 4ms, 1ms}, at(0)), span(-1, 1));
}

TEST(window, holds_at_both_ends_of_time) {
  const std::int64_t last = INT64_MAX - 1, first = INT64_MIN + 1;
  for (const auto size : {event_span(1), event_span(10), event_span(3600000), event_span::max()}) {
    for (const auto offset : {event_span(0), event_span(7), event_span::max(), event_span::min()}) {
      for (const auto t : {first, first + 1, first + 20, std::int64_t{-1}, std::int64_t{0}, last - 20, last}) {
        const window w = window_of(tumbling{size, offset}, at(t));
        EXPECT_TRUE(w.contains(at(t))) << size.count() << ' ' << offset.count() << ' ' << t;
        EXPECT_TRUE(w.end == end_of_time || w.start == beginning_of_time || w.end - w.start == size);
        std::size_t n = 0;
        for_each_window(hopping{size, std::max(size / 3, event_span(1)), offset}, at(t), [&](const window& h) {
          EXPECT_TRUE(h.contains(at(t)));
          ++n;
        });
        EXPECT_TRUE(n >= 1 && n <= 4);
      }
    }
  }
  EXPECT_EQ(window_of(tumbling{10ms}, last_event_time).end, end_of_time);
  EXPECT_EQ(window_of(tumbling{10ms}, first_event_time), (window{beginning_of_time, at(INT64_MIN + 8)}));
  EXPECT_FALSE(is_closed(window_of(tumbling{10ms}, last_event_time), 0ms, last_event_time));
  EXPECT_TRUE(is_closed(window_of(tumbling{10ms}, last_event_time), 1h, end_of_time));
  EXPECT_TRUE(is_closed(global_window, 0ms, end_of_time));
  EXPECT_FALSE(is_closed(global_window, 0ms, last_event_time));
  EXPECT_EQ(result_time(global_window), last_event_time);
}

TEST(window, late_is_to_the_millisecond) {
  EXPECT_FALSE(is_late(span(0, 10), 0ms, at(9)));
  EXPECT_TRUE(is_late(span(0, 10), 0ms, at(10)));  // end + allowed lateness <= stamp
  EXPECT_FALSE(is_late(span(0, 10), 5ms, at(14)));
  EXPECT_TRUE(is_late(span(0, 10), 5ms, at(15)));
  EXPECT_FALSE(is_late(span(0, 10), event_span::max(), last_event_time));
  EXPECT_FALSE(is_late(span(0, 10), 0ms, beginning_of_time));

  EXPECT_FALSE(is_late(at(10), 0ms, at(9)));
  EXPECT_TRUE(is_late(at(10), 0ms, at(10)));
  EXPECT_FALSE(is_late(at(10), 5ms, at(14)));
  EXPECT_TRUE(is_late(at(10), 5ms, at(15)));
  EXPECT_FALSE(is_late(beginning_of_time, 0ms, beginning_of_time));  // the first of its partition, whatever its time
  EXPECT_EQ(is_closed(span(0, 10), 5ms, at(15)), true);
  EXPECT_EQ(is_closed(span(0, 10), 5ms, at(14)), false);
}

TEST(window, mistakes_are_sentences) {
  using sentences = std::vector<std::string>;
  EXPECT_TRUE(mistakes_of(tumbling{1min, -3h}).empty());
  EXPECT_TRUE(mistakes_of(hopping{1min, 1min}).empty());
  EXPECT_TRUE(mistakes_of(sessions{0ms}).empty());
  EXPECT_TRUE(mistakes_of(tumbling_count{1}).empty());
  EXPECT_TRUE(mistakes_of(sliding_count{10, 20}).empty());
  EXPECT_EQ(mistakes_of(tumbling{}), sentences{"the size of tumbling windows must be above zero, but is 0 ms"});
  EXPECT_EQ(mistakes_of(hopping{-1ms, 0ms}),
            (sentences{"the size of hopping windows must be above zero, but is -1 ms",
                       "the slide of hopping windows must be above zero, but is 0 ms"}));
  EXPECT_EQ(mistakes_of(hopping{1s, 2s}),
            sentences{"the slide of hopping windows must be at most their size, but 2000 ms is more than 1000 ms: what "
                      "happens between two windows would be in none"});
  EXPECT_EQ(mistakes_of(sessions{-1ms}), sentences{"the gap of sessions must not be negative, but is -1 ms"});
  EXPECT_EQ(mistakes_of(tumbling_count{}), sentences{"the size of count windows must be at least one tuple, but is 0"});
  EXPECT_EQ(mistakes_of(sliding_count{0, 0}),
            (sentences{"the size of count windows must be at least one tuple, but is 0",
                       "the slide of count windows must be at least one tuple, but is 0"}));
}

}  // namespace
}  // namespace freshet
