#include "freshet/base/clock.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

TEST(clock, real_time_goes_on) {
  const auto before = clock::real().now();
  EXPECT_GE(clock::real().now(), before);
}

TEST(clock, wall_time_is_of_this_century) {
  EXPECT_GT(clock::real().wall(), event_time(std::chrono::sys_days(std::chrono::year(2024) / 1 / 1)));
  EXPECT_LT(clock::real().wall(), event_time(std::chrono::sys_days(std::chrono::year(2100) / 1 / 1)));
}

class stopped_clock final : public clock {
 public:
  std::chrono::steady_clock::time_point now() const noexcept override { return {}; }
  event_time wall() const noexcept override { return event_time(std::chrono::seconds(7)); }
};

TEST(clock, can_be_replaced) {
  const stopped_clock stopped;
  const clock& c = stopped;
  EXPECT_EQ(c.now(), c.now());
  EXPECT_EQ(c.wall().time_since_epoch().count(), 7000);
}

TEST(deadline, is_the_sum_of_what_can_be_summed) {
  using namespace std::chrono_literals;
  constexpr std::chrono::steady_clock::time_point now{1h};
  static_assert(deadline(now, 5ns) == now + 5ns);
  static_assert(deadline(now, 0ns) == now);
  static_assert(deadline(now, -2h) == now - 2h);
}

TEST(deadline, of_a_span_without_end_is_never) {
  using time_point = std::chrono::steady_clock::time_point;
  using std::chrono::nanoseconds;
  for (auto now : {time_point{}, time_point{nanoseconds(1)}, time_point{nanoseconds(-1)}, time_point::max()})
    EXPECT_EQ(deadline(now, nanoseconds::max()), time_point::max());
  EXPECT_EQ(deadline(time_point{nanoseconds(2)}, nanoseconds::max() - nanoseconds(1)), time_point::max());
  EXPECT_EQ(deadline(time_point{nanoseconds(-2)}, nanoseconds::min()), time_point::min());
  EXPECT_EQ(deadline(time_point{}, nanoseconds::min()), time_point::min());
}

}  // namespace
}  // namespace freshet
