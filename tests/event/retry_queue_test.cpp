#include "event/retry_queue.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

using time_point = std::chrono::steady_clock::time_point;
time_point at(int ms) { return time_point{} + std::chrono::milliseconds{ms}; }

retry_ptr message(int due, std::uint64_t offset, std::uint32_t seen = retry_message::seen_all) {
  auto m = std::make_unique<retry_message>();
  m->due = at(due);
  m->extent = {0, offset, offset + 1};
  m->seen = seen;
  return m;
}
std::vector<std::uint64_t> all_due(retry_queue& queue, int now) {
  std::vector<std::uint64_t> offsets;
  while (auto m = queue.pop_due(at(now))) offsets.push_back(m->extent.offset);
  return offsets;
}

TEST(retry_queue, gives_what_is_due_by_its_time) {
  retry_queue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.pop_due(at(100)), nullptr);
  for (int due : {30, 10, 20}) queue.push(message(due, static_cast<std::uint64_t>(due)));
  EXPECT_EQ(queue.next_due(), at(10));
  EXPECT_TRUE(all_due(queue, 9).empty());
  EXPECT_EQ(all_due(queue, 20), (std::vector<std::uint64_t>{10, 20}));
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.next_due(), at(30));
  EXPECT_EQ(all_due(queue, 30), (std::vector<std::uint64_t>{30}));
  EXPECT_TRUE(queue.empty());
}

TEST(retry_queue, keeps_the_order_of_those_due_at_once) {
  retry_queue queue;
  std::vector<std::uint64_t> in_order;
  for (std::uint64_t i = 0; i < 50; ++i) {
    queue.push(message(i < 25 ? 5 : 4, i));
    in_order.push_back((i + 25) % 50);
  }
  EXPECT_EQ(all_due(queue, 5), in_order);
}

TEST(retry_queue, counts_those_that_the_clock_has_not_seen) {
  retry_queue queue;
  queue.push(message(1, 1));
  queue.push(message(2, 2, 0));
  queue.push(message(3, 3, 7));
  EXPECT_EQ(queue.unseen(), 2u);
  EXPECT_NE(queue.pop_due(at(3)), nullptr);
  EXPECT_EQ(queue.unseen(), 2u);
  EXPECT_NE(queue.pop_due(at(3)), nullptr);
  EXPECT_EQ(queue.unseen(), 1u);
  EXPECT_NE(queue.pop_due(at(3)), nullptr);
  EXPECT_EQ(queue.unseen(), 0u);
}

}  // namespace
}  // namespace freshet
