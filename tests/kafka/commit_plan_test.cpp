#include "connect/kafka/commit_plan.hpp"

#include <gtest/gtest.h>

namespace freshet::kafka {
namespace {

using namespace std::chrono_literals;
const commit_plan::time_point start{1000h};

TEST(commit_plan, news_are_due_at_once_and_told_once) {
  commit_plan plan(start);
  EXPECT_FALSE(plan.is_due(start));
  plan.has_news();
  EXPECT_TRUE(plan.waits());
  EXPECT_TRUE(plan.is_due(start));
  plan.told(start);
  EXPECT_FALSE(plan.waits());
  EXPECT_FALSE(plan.is_due(start + 1h));
}
TEST(commit_plan, what_failed_is_told_again_after_a_pause) {
  commit_plan plan(start);
  plan.has_news();
  plan.told(start);
  plan.failed(start + 1s);
  EXPECT_TRUE(plan.waits());
  plan.has_news();
  EXPECT_FALSE(plan.is_due(start + 1s)) << "news don't make it sooner";
  EXPECT_TRUE(plan.is_due(start + 1s + commit_plan::pause));
  plan.told(start + 2s);
  EXPECT_FALSE(plan.is_due(start + 3s));
  plan.has_news();
  EXPECT_TRUE(plan.is_due(start + 3s));
}
TEST(commit_plan, what_has_not_changed_is_told_at_least_daily) {
  static_assert(commit_plan::unchanged <= 24h);
  commit_plan plan(start);
  EXPECT_FALSE(plan.is_due(start + commit_plan::unchanged - 1ns));
  EXPECT_TRUE(plan.is_due(start + commit_plan::unchanged));
  EXPECT_FALSE(plan.waits()) << "nobody has to poll sooner for it";
  plan.told(start + commit_plan::unchanged);
  EXPECT_FALSE(plan.is_due(start + commit_plan::unchanged + 1h));
  EXPECT_TRUE(plan.is_due(start + 2 * commit_plan::unchanged));
}

}  // namespace
}  // namespace freshet::kafka
