#include "freshet/core/keyed_state.hpp"

#include <gtest/gtest.h>

#include "core/keyed_state_suite.hpp"
#include "core/memory_store.hpp"

namespace freshet {
namespace {

/// Each with a store of its own, in memory that lasts.
std::unique_ptr<state_store> store_in_memory(std::size_t cache_bytes) {
  static std::map<int, testing::memory_store::contents> all;
  return std::make_unique<testing::memory_store>(all[static_cast<int>(all.size())], cache_bytes);
}
INSTANTIATE_TEST_SUITE_P(
    in, keyed_states,
    ::testing::Values(kind_of_store{"memory", nullptr},
                      kind_of_store{"a_store_without_a_cache", [] { return store_in_memory(0); }},
                      kind_of_store{"a_store_with_a_small_cache", [] { return store_in_memory(3000); }},
                      kind_of_store{"a_store_with_room_for_all", [] { return store_in_memory(1 << 20); }}),
    name_of_store);

TEST(keyed_state, without_codec_is_not_durable) {
  keyed_state<int, transient<std::shared_ptr<int>>> s(4);
  EXPECT_FALSE(s.is_durable());
  EXPECT_FALSE(s.can_be_stored());
  reader r("");
  EXPECT_FALSE(s.load(0, r));
}

/// What a batch keeps of states is gone with its end, however it ends.
TEST(keyed_state, keeps_no_copies_when_a_batch_is_over) {
  keyed_state<int, transient<std::shared_ptr<int>>> s(4);
  const auto use = [&s](int key) -> auto& { return s.use(key, stable_hash<int>::of(key)).value; };
  const auto shared = std::make_shared<int>(0);
  constexpr int keys = 200;  // in several blocks of changes
  for (int key = 0; key < keys; ++key) use(key) = shared;
  for (const bool commits : {true, false}) {
    s.begin();
    for (int key = 0; key < keys; ++key) use(key);
    EXPECT_EQ(shared.use_count(), 1 + 2 * keys);
    for (int key = 0; key < keys; ++key) use(key).reset();
    if (commits) s.commit();
    else s.rollback();
    EXPECT_EQ(shared.use_count(), commits ? 1 : 1 + keys);
    for (int key = 0; key < keys; ++key) use(key) = shared;
  }
  s.begin();
  for (int key = 0; key < keys; ++key) use(1000 + key) = shared;
  s.rollback();
  EXPECT_EQ(shared.use_count(), 1 + keys);
}

TEST(keyed_state, tells_what_the_state_of_one_busy_key_takes) {
  keyed_state<int, std::vector<std::string>> s(4);
  const auto use = [&s](int key) -> auto& { return s.use(key, stable_hash<int>::of(key)); };
  for (int key = 0; key < 2000; ++key) use(key);
  const auto before = s.bytes();
  use(77).assign(1000, std::string(100, 'x'));
  std::size_t most = 0;
  for (int look = 0; look < 20; ++look) most = std::max(most, s.bytes());
  EXPECT_GT(most, before + 1000 * 100);
  EXPECT_LT(most, before + 1000 * 300);
  use(77) = std::vector<std::string>{};
  for (int look = 0; look < 20; ++look) most = s.bytes();
  EXPECT_EQ(most, before);
}

/// Of a store whose contents can be looked at.
class keyed_state_in_store : public ::testing::Test {
 protected:
  static constexpr std::size_t room_for_ten = 10 * 2 * (sizeof(text_state::entry) + 2);
  text_state& with_room_for(std::size_t cache_bytes) {
    s.keep_in(std::make_unique<testing::memory_store>(stored, cache_bytes));
    return s;
  }
  testing::memory_store::contents stored;
  text_state s{4};
};

TEST_F(keyed_state_in_store, writes_nothing_while_there_is_room) {
  with_room_for(1 << 20);
  for (int key = 0; key < 100; ++key) use(s, key) = "x";
  s.evict();
  s.forget(3, stable_hash<int>::of(3));
  s.evict();
  EXPECT_EQ(stored.writes + stored.reads, 0u);
}

TEST_F(keyed_state_in_store, keeps_what_is_used_in_memory) {
  with_room_for(room_for_ten);
  std::size_t read_again = 0;
  for (int key = 0; key < 100; ++key) {
    const auto before = stored.reads;
    if (key > 0) use(s, 1), use(s, 2);
    read_again += stored.reads - before;
    use(s, 1000 + key) = "y";
    if (key == 0) use(s, 1), use(s, 2);
    s.evict();
  }
  EXPECT_EQ(s.rows(), 102u);
  EXPECT_GE(stored.rows(), 80u);
  EXPECT_EQ(read_again, 0u);
}

TEST_F(keyed_state_in_store, writes_a_state_again_only_when_it_was_used) {
  with_room_for(0);
  use(s, 1) = "one";
  s.evict();
  EXPECT_EQ(stored.writes, 1u);
  EXPECT_EQ(*s.find(1), "one");
  s.evict();
  EXPECT_EQ(stored.writes, 1u) << "it was looked at, not used";
  use(s, 1);
  s.evict();
  EXPECT_EQ(stored.writes, 2u);
}

TEST_F(keyed_state_in_store, what_is_forgotten_leaves_the_store) {
  with_room_for(0);
  use(s, 1) = "one";
  use(s, 2) = "two";
  s.evict();
  use(s, 1);
  s.forget(1, stable_hash<int>::of(1));
  EXPECT_EQ(use(s, 1), "");
  s.forget(1, stable_hash<int>::of(1));
  use(s, 2);
  s.evict();
  EXPECT_EQ(stored.rows(), 1u);
  EXPECT_EQ(s.find(1), nullptr);
}

TEST_F(keyed_state_in_store, a_store_that_fails_in_a_call_is_told_of_again) {
  with_room_for(0);
  use(s, 1) = "one";
  s.evict();
  stored.breaks = true;
  EXPECT_THROW(use(s, 1), state_store_error);
  EXPECT_EQ(s.rows(), 1u) << "it isn't in memory";
  stored.breaks = false;
  EXPECT_THROW(s.evict(), state_store_error);
}

TEST(keyed_state, counts_what_states_own_against_the_cache) {
  testing::memory_store::contents stored;
  text_state s(4);
  s.keep_in(std::make_unique<testing::memory_store>(stored, 64 * 1024));
  for (int key = 0; key < 200; ++key) {
    use(s, key) = std::string(4096, 'x');
    s.evict();
  }
  EXPECT_GE(stored.rows(), 180u);
  EXPECT_LE(stored.rows(), 195u);
}

}  // namespace
}  // namespace freshet
