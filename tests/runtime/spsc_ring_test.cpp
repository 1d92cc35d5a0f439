#include "runtime/spsc_ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace freshet {
namespace {

std::vector<int> all_of(spsc_ring<int>& ring) {
  std::vector<int> all;
  for (int value = 0; ring.pop(value);) all.push_back(value);
  return all;
}

TEST(spsc_ring, has_room_for_the_next_power_of_two) {
  EXPECT_EQ(spsc_ring<int>(0).capacity(), 1u);
  EXPECT_EQ(spsc_ring<int>(1).capacity(), 1u);
  EXPECT_EQ(spsc_ring<int>(2).capacity(), 2u);
  EXPECT_EQ(spsc_ring<int>(3).capacity(), 4u);
  EXPECT_EQ(spsc_ring<int>(64).capacity(), 64u);
  EXPECT_EQ(spsc_ring<int>(65).capacity(), 128u);
}

TEST(spsc_ring, gives_what_was_pushed_in_order) {
  spsc_ring<int> ring(4);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(i));
  EXPECT_EQ(all_of(ring), (std::vector<int>{0, 1, 2, 3}));
}

TEST(spsc_ring, an_empty_one_gives_nothing_and_changes_nothing) {
  spsc_ring<int> ring(2);
  int value = 7;
  EXPECT_FALSE(ring.pop(value));
  EXPECT_EQ(value, 7);
  EXPECT_TRUE(ring.push(1));
  EXPECT_TRUE(ring.pop(value));
  EXPECT_FALSE(ring.pop(value));
  EXPECT_EQ(value, 1);
}

TEST(spsc_ring, a_full_one_refuses_and_keeps_what_it_has) {
  for (const std::size_t capacity : {1u, 2u, 8u}) {
    spsc_ring<int> ring(capacity);
    std::vector<int> taken_in;
    for (int i = 0; i < static_cast<int>(capacity); ++i) {
      EXPECT_TRUE(ring.push(i));
      taken_in.push_back(i);
    }
    EXPECT_FALSE(ring.push(-1));
    EXPECT_FALSE(ring.push(-2));
    EXPECT_EQ(all_of(ring), taken_in);
  }
}

TEST(spsc_ring, one_that_was_full_or_empty_notices_what_the_other_side_did) {
  spsc_ring<int> ring(2);
  int value = 0;
  for (int round = 0; round < 5; ++round) {
    EXPECT_FALSE(ring.pop(value));
    EXPECT_TRUE(ring.push(1));
    EXPECT_TRUE(ring.push(2));
    EXPECT_FALSE(ring.push(3));
    EXPECT_TRUE(ring.pop(value));
    EXPECT_TRUE(ring.push(4));
    EXPECT_FALSE(ring.push(5));
    EXPECT_EQ(all_of(ring), (std::vector<int>{2, 4}));
  }
}

TEST(spsc_ring, goes_round_its_slots_from_every_filling) {
  for (std::size_t filling = 0; filling < 4; ++filling) {
    spsc_ring<std::size_t> ring(4);
    std::size_t value = 0;
    for (std::size_t i = 0; i < filling; ++i) ASSERT_TRUE(ring.push(i));
    for (std::size_t i = filling; i < 100; ++i) {
      ASSERT_TRUE(ring.push(i));
      ASSERT_TRUE(ring.pop(value));
      ASSERT_EQ(value, i - filling);
      ASSERT_EQ(ring.size(), filling);
    }
  }
}

TEST(spsc_ring, says_how_many_there_are) {
  spsc_ring<int> ring(4);
  int value = 0;
  EXPECT_EQ(ring.size(), 0u);
  for (std::size_t i = 1; i <= 4; ++i) {
    ring.push(0);
    EXPECT_EQ(ring.size(), i);
  }
  ring.push(0);
  EXPECT_EQ(ring.size(), 4u) << "refused";
  ring.pop(value);
  EXPECT_EQ(ring.size(), 3u);
}

/// Values of several words, which nothing but the ring's indices orders between the threads: ThreadSanitizer tells when
/// an index is stored before its slot is written or read, and anybody when half of a value arrives.
using words = std::array<std::uint64_t, 4>;
constexpr std::uint64_t passed = 50'000;

void push_all(spsc_ring<words>& ring) {
  for (std::uint64_t i = 0; i < passed;) {
    if (ring.push({i, i + 1, i + 2, i + 3})) ++i;
    else std::this_thread::yield();
  }
}
void expect_all(spsc_ring<words>& ring) {
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < passed;) {
    words got{};
    if (!ring.pop(got)) {
      std::this_thread::yield();
      continue;
    }
    wrong += got != words{i, i + 1, i + 2, i + 3};
    ++i;
  }
  words more{};
  EXPECT_EQ(wrong, 0u);
  EXPECT_FALSE(ring.pop(more));
}

TEST(spsc_ring, two_threads_pass_everything_once_and_in_order) {
  for (const std::size_t capacity : {1u, 2u, 64u}) {
    spsc_ring<words> ring(capacity);
    std::thread producer([&] { push_all(ring); });
    expect_all(ring);
    producer.join();
  }
}

TEST(spsc_ring, another_thread_sees_how_many_there_were_at_some_moment) {
  spsc_ring<int> ring(8);
  std::atomic<bool> over{false};
  std::thread both_sides([&] {
    for (int i = 0, value = 0; i < 500'000; ++i) {
      ring.push(i);
      ring.pop(value);
    }
    over.store(true, std::memory_order_relaxed);
  });
  std::size_t most = 0;
  while (!over.load(std::memory_order_relaxed)) most = std::max(most, ring.size());
  both_sides.join();
  EXPECT_LE(most, ring.capacity());
}

}  // namespace
}  // namespace freshet
