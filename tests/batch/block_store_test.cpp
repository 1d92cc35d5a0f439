#include "batch/block_store.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace {
using namespace freshet;
using fault = fault_injector::block_fault;
using state = block_store::state;

batch_list with(std::initializer_list<int> values) {
  auto* b = new batch<int>({.capacity = 64});
  for (int v : values) b->append({}, {}, {}, v);
  batch_list all;
  all.push_back(b);
  return all;
}
std::size_t bytes_of_one() { return with({1}).front()->bytes(); }

class block_store_test : public ::testing::Test {
 protected:
  void drop_all(block_store& store) {
    store.clear([](block_store::id, batch_list) {});
  }
};

TEST_F(block_store_test, keeps_what_it_gets) {
  block_store store(4, 1 << 20, true);
  EXPECT_EQ(store.pin(2), state::empty);
  store.put(2, with({1, 2, 3}), 1, fault::none);
  EXPECT_EQ(store.rows(2), 3u);
  EXPECT_EQ(store.rows(0, 1, 4), 3u);
  ASSERT_EQ(store.pin(2), state::present);
  EXPECT_EQ(store.batches(2).front()->size(), 3u);
  store.unpin(2, true);
  EXPECT_GT(store.bytes(), 0u);
  std::size_t taken = 0;
  store.clear([&](block_store::id id, batch_list all) {
    EXPECT_EQ(id, 2u);
    taken += all.size();
  });
  EXPECT_EQ(taken, 1u);
  EXPECT_EQ(store.bytes(), 0u);
  EXPECT_EQ(store.pin(2), state::empty);
}

TEST_F(block_store_test, misses_what_was_lost_until_it_is_refilled) {
  block_store store(1, 1 << 20, false);
  store.put(0, with({1}), 1, fault::lose);
  EXPECT_EQ(store.rows(0), 1u);
  EXPECT_EQ(store.pin(0), state::missing);
  EXPECT_TRUE(store.want(0));
  auto again = with({1});
  EXPECT_TRUE(store.refill(0, again));
  EXPECT_FALSE(store.want(0));
  EXPECT_EQ(store.pin(0), state::present);
  auto twice = with({1});
  EXPECT_FALSE(store.refill(0, twice));
  EXPECT_EQ(twice.size(), 1u);
  store.unpin(0, true);
}

TEST_F(block_store_test, notices_a_bit_that_changed) {
  block_store store(2, 1 << 20, true);
  auto all = with({1, 2, 3});
  auto* batch_of_it = static_cast<batch<int>*>(all.front());
  store.put(0, std::move(all), 1, fault::none);
  batch_of_it->value(1) ^= 1 << 7;
  EXPECT_EQ(store.pin(0), state::missing);
  store.put(1, with({1, 2, 3}), 1, fault::flip);
  EXPECT_EQ(store.pin(1), state::missing);
  auto again = with({1, 2, 3});
  EXPECT_TRUE(store.refill(1, again));
  EXPECT_EQ(store.pin(1), state::present);
  store.unpin(1, true);
}

TEST_F(block_store_test, without_checksums_a_changed_bit_goes_by) {
  block_store store(1, 1 << 20, false);
  store.put(0, with({1}), 1, fault::flip);
  EXPECT_EQ(store.pin(0), state::present);
  store.unpin(0, true);
}

TEST_F(block_store_test, evicts_what_has_been_read_before_what_has_not) {
  block_store store(4, 2 * bytes_of_one(), false);
  store.put(0, with({1}), 1, fault::none);
  store.put(1, with({2}), 1, fault::none);
  ASSERT_EQ(store.pin(1), state::present);
  store.unpin(1, true);
  store.put(2, with({3}), 1, fault::none);
  EXPECT_TRUE(store.missing(1));  // read, although used later than block 0
  EXPECT_FALSE(store.missing(0));
  store.put(3, with({4}), 1, fault::none);
  EXPECT_TRUE(store.missing(0));  // the least recently used of those not read
  EXPECT_EQ(store.evicted(), 2u);
  EXPECT_LE(store.bytes(), 2 * bytes_of_one());
}

batch_list large_texts(int n) {
  auto* b = new batch<std::string>({.capacity = 64});
  for (int i = 0; i < n; ++i) b->append({}, {}, {}, std::string(1 << 20, 'x'));
  batch_list all;
  all.push_back(b);
  return all;
}

TEST_F(block_store_test, counts_what_the_values_own) {
  block_store store(3, 10 << 20, false);
  store.put(0, large_texts(4), 1, fault::none);
  EXPECT_GE(store.bytes(), 4u << 20);
  EXPECT_LT(store.bytes(), 5u << 20);
  store.put(1, large_texts(4), 1, fault::none);
  EXPECT_EQ(store.evicted(), 0u);
  store.put(2, large_texts(4), 1, fault::none);
  EXPECT_EQ(store.evicted(), 1u);
  EXPECT_TRUE(store.missing(0));
  auto again = large_texts(4);
  ASSERT_TRUE(store.want(0));
  ASSERT_TRUE(store.refill(0, again));
  EXPECT_LE(store.bytes(), 10u << 20);
}

TEST_F(block_store_test, never_evicts_what_is_pinned_or_wanted) {
  block_store store(3, 1, false);
  store.put(0, with({1}), 1, fault::none);
  ASSERT_EQ(store.pin(0), state::present);
  store.put(1, with({2}), 1, fault::lose);
  ASSERT_TRUE(store.want(1));
  auto again = with({2});
  ASSERT_TRUE(store.refill(1, again));
  store.put(2, with({3}), 1, fault::none);
  EXPECT_FALSE(store.missing(0));
  EXPECT_FALSE(store.missing(1));
  store.unpin(0, false);
}

TEST_F(block_store_test, a_shared_block_counts_as_read_when_all_have_read_it) {
  block_store store(3, 2 * bytes_of_one(), false);
  store.put(0, with({1}), 2, fault::none);
  store.put(1, with({2}), 1, fault::none);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(store.pin(0), state::present);
    store.unpin(0, true);
  }
  store.put(2, with({3}), 1, fault::none);
  EXPECT_TRUE(store.missing(0));
  EXPECT_FALSE(store.missing(1));
}

}  // namespace
