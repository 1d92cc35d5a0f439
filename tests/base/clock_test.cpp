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

}  // namespace
}  // namespace freshet
