#include "batch/block_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <thread>

#include "freshet/testing/simulated_files.hpp"

namespace {
using namespace freshet;
using freshet::testing::file_fault;
using freshet::testing::file_operation;
using freshet::testing::simulated_files;
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
  EXPECT_EQ(store.counts().evicted, 2u);
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
  EXPECT_EQ(store.counts().evicted, 0u);
  store.put(2, large_texts(4), 1, fault::none);
  EXPECT_EQ(store.counts().evicted, 1u);
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

// --- with a spill file ---

class spilling_store_test : public ::testing::Test {
 protected:
  struct kept_log final : log_sink {
    std::vector<std::string> lines;
    void write(const log_record& r) noexcept override { lines.emplace_back(r.message); }
  };
  std::unique_ptr<block_store> make(std::size_t budget, bool checksums = false, std::uint64_t most_bytes = 1 << 20) {
    return std::make_unique<block_store>(8, budget, checksums, spill_file::open(files, "/spill", most_bytes).value(),
                                         logger{log});
  }
  static int first_value(const block_store& store, block_store::id id) {
    return static_cast<const batch<int>*>(store.batches(id).front())->value(0);
  }
  static void put_numbers(block_store& store, block_store::id count) {
    for (block_store::id i = 0; i < count; ++i) store.put(i, with({static_cast<int>(i)}), 1, fault::none);
  }
  std::uint64_t bytes_on_disk() {
    const auto bytes = read_whole(files, "/spill/spill-0.blocks");
    return bytes ? bytes->size() : 0;
  }
  simulated_files files;
  std::shared_ptr<kept_log> log = std::make_shared<kept_log>();
};

TEST_F(spilling_store_test, reads_back_what_there_was_no_room_for) {
  const auto store = make(2 * bytes_of_one(), true);
  put_numbers(*store, 6);
  EXPECT_LE(store->bytes(), 2 * bytes_of_one());
  EXPECT_EQ(store->counts().spilled, 4u);
  EXPECT_EQ(store->counts().spilled_bytes, bytes_on_disk());
  for (block_store::id i = 0; i < 6; ++i) {
    EXPECT_FALSE(store->missing(i) || store->want(i));
    EXPECT_EQ(store->rows(i), 1u);
    ASSERT_EQ(store->pin(i), state::present);
    EXPECT_EQ(first_value(*store, i), static_cast<int>(i));
    EXPECT_LE(store->bytes(), 3 * bytes_of_one());  // what was read back comes before room is made
    store->unpin(i, true);
  }
  EXPECT_EQ(store->counts().evicted, 0u);
  EXPECT_EQ(store->counts().read_back, store->counts().spilled);
  EXPECT_EQ(store->counts().spilled, 5u);  // the last was in memory all the time
  EXPECT_TRUE(log->lines.empty());
}

TEST_F(spilling_store_test, writes_a_block_once_a_batch) {
  const auto store = make(1);
  put_numbers(*store, 3);
  for (int round = 0; round < 3; ++round)
    for (block_store::id i = 0; i < 3; ++i) {
      ASSERT_EQ(store->pin(i), state::present);
      store->unpin(i, false);
    }
  EXPECT_EQ(store->counts().spilled, 3u);
  EXPECT_GE(store->counts().read_back, 8u);
  const auto one_batch = bytes_on_disk();
  store->clear([](block_store::id, batch_list) {});
  EXPECT_EQ(bytes_on_disk(), 0u);
  EXPECT_EQ(store->pin(0), state::empty);
  put_numbers(*store, 3);
  for (block_store::id i = 0; i < 3; ++i) {
    ASSERT_EQ(store->pin(i), state::present);
    store->unpin(i, true);
  }
  EXPECT_EQ(bytes_on_disk(), one_batch);
}

TEST_F(spilling_store_test, what_all_have_read_is_not_worth_a_write) {
  const auto store = make(1);
  store->put(0, with({1}), 1, fault::none);
  ASSERT_EQ(store->pin(0), state::present);
  store->unpin(0, true);
  store->put_for_good(1, with({2}), 1);
  EXPECT_TRUE(store->missing(0));
  ASSERT_EQ(store->pin(1), state::present);
  store->unpin(1, true);
  EXPECT_EQ(store->counts().spilled, 0u);
  store->put(2, with({3}), 1, fault::none);
  EXPECT_EQ(store->counts().spilled, 1u);  // nobody can compute it again
  EXPECT_EQ(store->pin(1), state::present);
}

TEST_F(spilling_store_test, an_evicted_block_is_spilled) {
  const auto store = make(1 << 20);
  store->put(0, with({7}), 1, fault::evict);
  EXPECT_EQ(store->bytes(), 0u);
  ASSERT_EQ(store->pin(0), state::present);
  EXPECT_EQ(first_value(*store, 0), 7);
}

TEST_F(spilling_store_test, what_cannot_be_written_is_evicted) {
  files.fail(file_operation::append, "spill-0", file_fault::no_space, 0, simulated_files::always);
  const auto store = make(2 * bytes_of_one());
  put_numbers(*store, 4);
  EXPECT_EQ(store->pin(0), state::missing);
  EXPECT_EQ(store->pin(1), state::missing);
  EXPECT_EQ(store->counts().not_spilled, 2u);
  EXPECT_EQ(store->counts().evicted, 2u);
  EXPECT_EQ(store->counts().spilled, 0u);
  ASSERT_EQ(log->lines.size(), 1u);
  EXPECT_THAT(log->lines[0],
              ::testing::AllOf(::testing::HasSubstr("/spill/spill-0.blocks"), ::testing::HasSubstr("No space left")));
}

TEST_F(spilling_store_test, what_is_too_much_for_the_disk_is_evicted) {
  const auto store = make(1, false, 100);
  put_numbers(*store, 8);
  EXPECT_LE(bytes_on_disk(), 100u);
  EXPECT_GT(store->counts().spilled, 0u);
  EXPECT_GT(store->counts().not_spilled, 0u);
  EXPECT_EQ(store->counts().spilled + store->counts().not_spilled, 7u);
}

TEST_F(spilling_store_test, what_cannot_be_read_back_is_missing_until_it_is_refilled) {
  const auto store = make(1);
  put_numbers(*store, 3);
  files.fail(file_operation::read, "spill-0", file_fault::device_error, 0, simulated_files::always);
  for (block_store::id i = 0; i < 2; ++i) {
    EXPECT_EQ(store->pin(i), state::missing);
    EXPECT_EQ(store->pin(i), state::missing);
    EXPECT_TRUE(store->want(i));
    auto again = with({static_cast<int>(i)});
    ASSERT_TRUE(store->refill(i, again));
    ASSERT_EQ(store->pin(i), state::present);
    store->unpin(i, true);
  }
  EXPECT_EQ(store->pin(0), state::missing);  // evicted since, and nobody looks at the file again
  EXPECT_EQ(store->counts().spilled_lost, 2u);
  ASSERT_EQ(log->lines.size(), 1u);
  EXPECT_THAT(log->lines[0], ::testing::HasSubstr("/spill/spill-0.blocks"));
}

TEST_F(spilling_store_test, a_bit_that_changed_on_disk_is_noticed_without_checksums_in_memory) {
  const auto store = make(1);
  put_numbers(*store, 2);
  files.flip_bit("/spill/spill-0.blocks", bytes_on_disk() - 1);
  EXPECT_EQ(store->pin(0), state::missing);
  EXPECT_EQ(store->counts().spilled_lost, 1u);
}

TEST_F(spilling_store_test, damage_in_memory_is_not_read_back) {
  const auto store = make(1, true);
  store->put(0, with({1}), 1, fault::flip);
  store->put(1, with({2}), 1, fault::none);
  EXPECT_EQ(store->counts().spilled, 1u);
  EXPECT_EQ(store->pin(0), state::missing);
  EXPECT_TRUE(store->want(0));  // else its reader would ask again for ever
}

TEST_F(spilling_store_test, what_is_for_good_leaves_for_the_file_alone) {
  const auto store = make(1);
  store->put_for_good(0, with({1}), 1);
  files.fail(file_operation::append, "spill-0", file_fault::no_space, 1, simulated_files::always);
  store->put_for_good(1, with({2}), 1);
  store->put_for_good(2, with({3}), 1);
  store->put(3, with({4}), 1, fault::none);
  EXPECT_EQ(store->counts().spilled, 1u);
  EXPECT_EQ(store->counts().not_spilled, 2u);
  EXPECT_EQ(store->bytes(), 3 * bytes_of_one());
  for (block_store::id i = 0; i < 3; ++i) {
    ASSERT_EQ(store->pin(i), state::present) << i;
    EXPECT_EQ(first_value(*store, i), static_cast<int>(i) + 1);
  }
}

TEST_F(spilling_store_test, what_was_for_good_is_gone_when_it_cannot_be_read_back) {
  const auto store = make(1);
  store->put_for_good(0, with({1}), 1);
  store->put(1, with({2}), 1, fault::none);
  files.fail(file_operation::read, "spill-0", file_fault::device_error);
  EXPECT_EQ(store->pin(0), state::gone);
  EXPECT_EQ(store->pin(0), state::gone);
  EXPECT_THAT(store->loss().message, ::testing::HasSubstr("/spill/spill-0.blocks"));
}

TEST_F(spilling_store_test, a_block_that_is_read_while_it_is_written_stays) {
  std::unique_ptr<block_store> store;
  files.on_step([&](const auto& step) {
    if (step.operation != file_operation::append || step.done) return;
    ASSERT_EQ(store->pin(0), state::present);
  });
  store = make(1);
  store->put(0, with({7}), 2, fault::none);
  store->put(1, with({8}), 1, fault::none);  // makes block 0 leave
  files.on_step({});
  EXPECT_EQ(first_value(*store, 0), 7);
  EXPECT_EQ(store->bytes(), 2 * bytes_of_one());
  store->unpin(0, true);
  store->put(2, with({9}), 1, fault::none);
  EXPECT_EQ(store->counts().spilled, 2u);  // block 0 is on disk already
  EXPECT_EQ(store->bytes(), bytes_of_one());
}

TEST_F(spilling_store_test, readers_of_one_block_read_it_back_once) {
  const auto store = make(1);
  // Whoever reads the file lets the others come.
  files.on_step([](const auto& step) {
    for (int i = 0; i < 100 && step.operation == file_operation::read; ++i) std::this_thread::yield();
  });
  for (std::uint64_t round = 1; round <= 20; ++round) {
    store->put(0, with({7}), 4, fault::none);
    store->put(1, with({8}), 1, fault::none);
    std::latch ready(4);
    std::atomic<int> sum{0};
    std::vector<std::jthread> readers;
    for (int i = 0; i < 4; ++i)
      readers.emplace_back([&] {
        ready.arrive_and_wait();
        if (store->pin(0) == state::present) sum += first_value(*store, 0);
      });
    readers.clear();
    EXPECT_EQ(sum.load(), 28);
    EXPECT_EQ(store->counts().read_back, round);
    store->clear([](block_store::id, batch_list) {});
  }
}

/// Writers, readers and those who compute again what is lost, while the disk fails now and then.
TEST_F(spilling_store_test, stands_many_threads_and_a_bad_disk) {
  constexpr block_store::id blocks = 64;
  block_store store(blocks, 3 * bytes_of_one(), true, spill_file::open(files, "/spill", 1 << 20).value());
  for (std::uint64_t batch = 0; batch < 20; ++batch) {
    files.forget_faults();
    files.fail(file_operation::append, "spill-0", file_fault::short_write, batch, 5);
    files.fail(file_operation::read, "spill-0", file_fault::device_error, batch, 5);
    std::vector<std::jthread> threads;
    std::atomic<int> wrong{0};
    for (block_store::id t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (block_store::id i = t; i < blocks; i += 4) store.put(i, with({static_cast<int>(i)}), 4, fault::none);
      });
    threads.clear();
    for (block_store::id t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (block_store::id n = 0; n < blocks; ++n) {
          const auto i = (n + t * 7) % blocks;
          while (store.pin(i) == state::missing) {
            auto again = with({static_cast<int>(i)});
            if (store.want(i)) store.refill(i, again);
          }
          wrong += first_value(store, i) != static_cast<int>(i);
          store.unpin(i, true);
        }
      });
    threads.clear();
    EXPECT_EQ(wrong.load(), 0);
    EXPECT_LE(store.bytes(), 4 * bytes_of_one());
    store.clear([](block_store::id, batch_list) {});
  }
  EXPECT_GT(store.counts().spilled, 0u);
  EXPECT_GT(store.counts().not_spilled, 0u);
  EXPECT_GT(store.counts().spilled_lost, 0u);
}

}  // namespace
