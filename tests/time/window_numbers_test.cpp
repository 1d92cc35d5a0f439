#include "freshet/time/window_numbers.hpp"

#include <gtest/gtest.h>

#include "freshet/base/random.hpp"

namespace freshet {
namespace {

constexpr event_time at(std::int64_t ms) { return event_time(event_span(ms)); }

TEST(window_numbers, name_the_windows_of_a_time) {
  random_source random(1);
  for (int i = 0; i < 5000; ++i) {
    const auto size = static_cast<std::int64_t>(1 + random.below(30));
    const hopping w{event_span(size), event_span(1 + random.below(static_cast<std::uint64_t>(size))),
                    event_span(static_cast<std::int64_t>(random.below(100)) - 50)};
    const window_numbers numbers(w);
    const auto t = at(static_cast<std::int64_t>(random.below(300)) - 150);
    std::int64_t n = numbers.first(t);
    for_each_window(w, t, [&](const window& each) { ASSERT_EQ(numbers.at(n++), each); });
    ASSERT_EQ(n, numbers.last(t) + 1);

    const std::int64_t s = numbers.slice(t);
    ASSERT_EQ(numbers.first_with(s), numbers.first(t));
    for (n = numbers.first(t) - 3; n < numbers.last(t) + 3; ++n) {
      ASSERT_EQ(numbers.at(n).contains(t), numbers.first_slice(n) <= s && s < numbers.end_slice(n));
    }
  }
}

TEST(window_numbers, tell_windows_apart_at_the_ends_of_time) {
  const auto hop = [](int size, int slide, int offset) {
    return hopping{event_span(size), event_span(slide), event_span(offset)};
  };
  for (const hopping& w : {hop(100, 10, 3), hop(10, 3, 0), hop(10, 3, 1), hop(3, 2, 1)}) {
    const window_numbers numbers(w);
    for (const event_time t : {first_event_time, last_event_time}) {
      std::int64_t n = numbers.first(t);
      for_each_window(w, t, [&](const window& each) { EXPECT_EQ(numbers.at(n++), each); });
      EXPECT_EQ(n, numbers.last(t) + 1);
      EXPECT_EQ(numbers.first_with(numbers.slice(t)), numbers.first(t));
      EXPECT_LE(numbers.first_slice(numbers.first(t)), numbers.slice(t));
      EXPECT_GT(numbers.end_slice(numbers.last(t)), numbers.slice(t));
    }
  }
}

}  // namespace
}  // namespace freshet
