#include "event/ledger.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace freshet {
namespace {

std::vector<std::uint32_t> completed(ledger::lane& lane) {
  std::vector<std::uint32_t> all;
  lane.take_completed([&](std::uint32_t slot) { all.push_back(slot); });
  return all;
}

TEST(ledger, slots_are_never_zero_and_differ) {
  ledger book;
  auto& lane = book.add_lane(2000, {});
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 2000; ++i) {
    const auto slot = lane.open();
    EXPECT_NE(slot, 0u);
    EXPECT_TRUE(seen.insert(slot).second);
  }
}

TEST(ledger, a_lane_that_is_used_up_says_so) {
  ledger book;
  auto& lane = book.add_lane(1, {});
  std::size_t n = 0;
  while (lane.open()) ++n;
  EXPECT_GE(n, 1u);
  EXPECT_LE(n, 1024u);
}

TEST(ledger, two_lanes_share_no_slot) {
  ledger book;
  auto &a = book.add_lane(1500, {}), &b = book.add_lane(1500, {});
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 1500; ++i) {
    EXPECT_TRUE(seen.insert(a.open()).second);
    EXPECT_TRUE(seen.insert(b.open()).second);
  }
}

TEST(ledger, an_open_slot_does_not_complete_however_much_is_counted_off) {
  ledger book;
  auto& lane = book.add_lane(10, {});
  const auto slot = lane.open();
  book.settle(slot, -3);
  EXPECT_TRUE(completed(lane).empty());
  book.settle(slot, 3 - ledger::open_bias);
  EXPECT_EQ(completed(lane), std::vector{slot});
}

TEST(ledger, zero_completes_once_and_wakes) {
  ledger book;
  int woken = 0;
  auto& lane = book.add_lane(10, [&] { ++woken; });
  const auto slot = lane.open();
  book.settle(slot, 2 - ledger::open_bias);
  EXPECT_FALSE(lane.has_completed());
  book.settle(slot, 1);
  book.settle(slot, -1);
  book.settle(slot, -2);
  EXPECT_TRUE(lane.has_completed());
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(completed(lane), std::vector{slot});
  EXPECT_TRUE(completed(lane).empty());
}

TEST(ledger, a_closed_slot_is_used_again) {
  ledger book;
  auto& lane = book.add_lane(10, {});
  const auto slot = lane.open();
  book.settle(slot, -ledger::open_bias);
  completed(lane);
  lane.close(slot);
  EXPECT_EQ(lane.open_slots(), 0u);
  EXPECT_EQ(lane.open(), slot);
  EXPECT_EQ(book.live(slot), ledger::open_bias);
}

TEST(ledger, failures_come_in_the_order_they_were_posted_in) {
  ledger book;
  auto& lane = book.add_lane(10, {});
  const auto slot = lane.open();
  for (std::uint32_t i = 0; i < 5; ++i) book.post({slot, i}, 7, 2, {errc::user_function, std::to_string(i)});
  std::vector<std::string> got;
  lane.take_failures([&](ledger::failure& f) {
    got.push_back(f.error.message);
    EXPECT_EQ(f.node, 7u);
    EXPECT_EQ(f.task, 2u);
    EXPECT_EQ(f.message.slot(), slot);
  });
  EXPECT_EQ(got, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
}

TEST(ledger_death, a_negative_count_stops_the_process_with_its_values) {
  ledger book;
  auto& lane = book.add_lane(10, {});
  const auto slot = lane.open();
  book.settle(slot, 1 - ledger::open_bias);
  EXPECT_DEATH(book.settle(slot, -2), "more tuples done than it had");
}

// Threads finish tuples and post failures while the lane reaps: a failure is never seen after its slot's zero.
TEST(ledger, no_failure_is_missed_by_whoever_reads_zero) {
  constexpr int rounds = 2000, threads = 3;
  ledger book;
  auto& lane = book.add_lane(4096, {});
  std::atomic<std::uint32_t> current{0};
  std::atomic<int> taken{0};
  std::vector<std::thread> consumers;
  for (int t = 0; t < threads; ++t)
    consumers.emplace_back([&, t] {
      std::uint32_t last = 0;
      for (int r = 0; r < rounds; ++r) {
        std::uint32_t slot;
        while ((slot = current.load(std::memory_order_acquire)) == last || slot == 0) std::this_thread::yield();
        last = slot;
        if ((r + t) % 3 == 0) book.post({slot, static_cast<std::uint32_t>(t)}, 0, 0, {errc::user_function, ""});
        book.settle(slot, -1);
        taken.fetch_add(1);
      }
    });
  int failures = 0;
  for (int r = 0; r < rounds; ++r) {
    taken.store(0);
    const auto slot = lane.open();
    book.settle(slot, threads - ledger::open_bias);
    current.store(slot, std::memory_order_release);
    std::vector<std::uint32_t> zero;
    while (zero.empty()) {
      zero = completed(lane);
      std::this_thread::yield();
    }
    int here = 0;
    lane.take_failures([&](ledger::failure& f) { here += f.message.slot() == slot; });
    failures += here;
    while (taken.load() != threads) std::this_thread::yield();
    EXPECT_EQ(here, 1) << "round " << r;  // exactly one of three consecutive numbers divides by three
    // Slots are not given back here: every round has its own, so consumers can tell rounds apart.
  }
  EXPECT_EQ(failures, rounds);
  for (auto& c : consumers) c.join();
}

}  // namespace
}  // namespace freshet
