#include "event/raw_batches.hpp"

#include <gtest/gtest.h>

namespace freshet {
namespace {

constexpr std::uint32_t capacity = 4;

class raw_batches_of_four : public testing::Test {
 protected:
  void write(int n) {
    for (int i = 0; i < n; ++i) static_cast<batch<int>&>(*raw.with_room().batch).append({}, {}, {}, written++);
  }
  /// Reads `n` tuples of what is queued, or all; true: they went on from where the last had ended.
  bool read(std::size_t n = 1000) {
    raw.queue();
    while (auto* front = raw.front()) {
      for (; n > 0 && !front->is_read(); --n, ++front->read)
        if (static_cast<batch<int>&>(*front->batch).value(front->read) != next++) return false;
      if (!front->is_read()) return true;
      raw.pop();
    }
    return true;
  }
  raw_batches raw{stream_type_of<int>(), {.capacity = capacity}};
  int written = 0, next = 0;
};

TEST_F(raw_batches_of_four, are_read_in_the_order_of_filling) {
  EXPECT_TRUE(raw.all_read());
  write(10);
  EXPECT_FALSE(raw.all_read());
  EXPECT_TRUE(read(2));
  EXPECT_FALSE(raw.all_read());
  write(1);
  EXPECT_TRUE(read());
  EXPECT_EQ(next, 11);
  EXPECT_TRUE(raw.all_read());
  EXPECT_FALSE(raw.has_queued());
}

TEST_F(raw_batches_of_four, are_used_again_when_they_are_read) {
  write(1);
  const any_batch* first = raw.filling().batch.get();
  for (int i = 0; i < 20; ++i) {
    write(3);
    EXPECT_TRUE(read());
    write(1);
    EXPECT_EQ(raw.filling().batch.get(), first);
    EXPECT_EQ(raw.filling().batch->size(), 1u);
  }
}

TEST_F(raw_batches_of_four, stay_while_a_record_refers_to_them) {
  write(2);
  auto& kept = raw.filling();
  ++kept.records;
  EXPECT_TRUE(read());
  EXPECT_EQ(kept.batch->size(), 2u);
  write(2);  // what is being filled may still take more
  EXPECT_EQ(&raw.filling(), &kept);
  EXPECT_TRUE(read());
  write(1);
  EXPECT_NE(&raw.filling(), &kept);
  EXPECT_EQ(kept.batch->size(), 4u);
  --kept.records;
  raw.release(kept);
  EXPECT_EQ(kept.batch->size(), 0u);
  write(4);
  EXPECT_EQ(&raw.filling(), &kept);
}

TEST_F(raw_batches_of_four, are_not_released_unread) {
  write(3);
  raw.put_aside();
  auto& unread = *raw.front();
  raw.release(unread);
  EXPECT_EQ(unread.batch->size(), 3u);
  EXPECT_EQ(raw.queued_tuples(), 3u);
  EXPECT_TRUE(read(1));
  EXPECT_EQ(raw.queued_tuples(), 2u);
}

TEST_F(raw_batches_of_four, put_aside_what_has_no_room_for_all_tuples_of_a_message) {
  write(3);
  auto& before = raw.filling();
  EXPECT_EQ(&raw.with_room_for(1), &before);
  EXPECT_NE(&raw.with_room_for(2), &before);
  write(2);
  EXPECT_TRUE(read());
  EXPECT_EQ(next, 5);
}

TEST_F(raw_batches_of_four, have_nothing_queued_that_was_not_said_to_be_read) {
  write(2);
  EXPECT_FALSE(raw.has_queued());
  EXPECT_EQ(raw.front(), nullptr);
  EXPECT_EQ(raw.queued_tuples(), 0u);
  EXPECT_FALSE(raw.all_read());
  raw.queue();
  raw.queue();
  EXPECT_EQ(raw.queued_tuples(), 2u);
}

}  // namespace
}  // namespace freshet
