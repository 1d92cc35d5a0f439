#include "runtime/deadline_queue.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace freshet {
namespace {

struct token {
  bool over = false;
  bool ended() const { return over; }
};
using queue = deadline_queue<token>;
queue::time_point at(int ns) { return queue::time_point{std::chrono::nanoseconds(ns)}; }

TEST(deadline_queue, gives_what_is_due_in_order) {
  queue q;
  std::vector<std::shared_ptr<token>> all;
  for (int i = 0; i < 3; ++i) q.push(at(i), all.emplace_back(std::make_shared<token>()), all.size());
  EXPECT_EQ(q.next(), at(0));
  EXPECT_EQ(q.pop_due(at(1)), all[0]);
  EXPECT_EQ(q.pop_due(at(1)), all[1]);
  EXPECT_EQ(q.pop_due(at(1)), nullptr);
  EXPECT_EQ(q.next(), at(2));
}

TEST(deadline_queue, leaves_out_what_has_ended) {
  queue q;
  std::vector<std::shared_ptr<token>> all;
  for (int i = 0; i < 3; ++i) q.push(at(i), all.emplace_back(std::make_shared<token>()), all.size());
  all[0]->over = all[1]->over = true;
  EXPECT_EQ(q.next(), at(2));
  all[2]->over = true;
  EXPECT_EQ(q.pop_due(at(9)), nullptr);
  EXPECT_EQ(q.next(), queue::time_point::max());
}

TEST(deadline_queue, one_that_lives_long_does_not_keep_those_behind_it) {
  queue q;
  auto oldest = std::make_shared<token>();
  q.push(at(0), oldest, 1);
  for (int i = 1; i < 10'000; ++i) {
    auto t = std::make_shared<token>();
    q.push(at(i), t, 2);
    t->over = true;
    ASSERT_LE(q.size(), 2u * 2 + 64);
  }
  EXPECT_EQ(q.next(), at(0));
}

TEST(deadline_queue, tells_whether_one_of_the_first_lives) {
  queue q;
  std::vector<std::shared_ptr<token>> all;
  for (int i = 0; i < 3; ++i) q.push(queue::time_point::max(), all.emplace_back(std::make_shared<token>()), all.size());
  const auto any = [](const token&) { return true; };
  EXPECT_EQ(q.pushed(), 3u);
  all[0]->over = all[1]->over = true;
  EXPECT_FALSE(q.lives(any, 2));
  EXPECT_TRUE(q.lives(any, 3));
  EXPECT_TRUE(q.lives(any));
  EXPECT_FALSE(q.lives([](const token&) { return false; }));
}

TEST(deadline_queue, keeps_all_that_live) {
  queue q;
  std::vector<std::shared_ptr<token>> all;
  for (int i = 0; i < 1000; ++i) q.push(at(i), all.emplace_back(std::make_shared<token>()), all.size());
  EXPECT_EQ(q.size(), 1000u);
  for (int i = 0; i < 1000; i += 2) all[static_cast<std::size_t>(i)]->over = true;
  for (int i = 1; i < 1000; i += 2) EXPECT_EQ(q.pop_due(at(1000)), all[static_cast<std::size_t>(i)]);
}

}  // namespace
}  // namespace freshet
