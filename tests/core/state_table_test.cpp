#include "freshet/core/state_table.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "freshet/base/random.hpp"
#include "freshet/base/time_arithmetic.hpp"

namespace freshet {
namespace {

template <class K>
std::uint64_t hash(const K& key) {
  return stable_hash<K>::of(key);
}

TEST(state_table, starts_empty_and_without_memory) {
  state_table<int, int> t;
  EXPECT_EQ(t.size(), 0u);
  EXPECT_EQ(t.bytes(), 0u);
  EXPECT_EQ(t.find(1, hash(1)), nullptr);
  EXPECT_FALSE(t.erase(1, hash(1)));
  t.prefetch(hash(1));
}

TEST(state_table, inserts_once_with_a_default_state) {
  state_table<std::string, int> t;
  const auto [first, inserted] = t.find_or_insert(std::string_view("key"), hash<std::string>("key"));
  EXPECT_TRUE(inserted);
  EXPECT_EQ(first->value, 0);
  first->value = 7;
  const auto [again, inserted_again] = t.find_or_insert(std::string("key"), hash<std::string>("key"));
  EXPECT_FALSE(inserted_again);
  EXPECT_EQ(again->value, 7);
}

/// A hash that puts everything into few slots, so that probe sequences run into each other and round the end.
struct crowded {
  int value = 0;
  bool operator==(const crowded&) const = default;
};
}  // namespace
template <>
struct stable_hash<crowded> {
  static std::uint64_t of(const crowded& c) { return static_cast<std::uint64_t>(c.value % 5) + 6; }
};
namespace {

template <class K, class Make>
void compare_with_unordered_map(std::uint64_t seed, std::uint64_t keys, Make make) {
  random_source random(seed);
  state_table<K, std::uint64_t> t;
  std::unordered_map<std::uint64_t, std::uint64_t> expected;
  for (int n = 0; n < 30'000; ++n) {
    const auto k = random.below(keys);
    const K key = make(k);
    if (random.chance(0.45)) {
      ASSERT_EQ(t.erase(key, hash(key)), expected.erase(k) == 1);
    } else {
      const auto [e, inserted] = t.find_or_insert(key, hash(key));
      ASSERT_EQ(inserted, !expected.contains(k));
      e->value = expected[k] = random();
    }
    ASSERT_EQ(t.size(), expected.size());
  }
  for (std::uint64_t k = 0; k < keys; ++k) {
    auto* e = t.find(make(k), hash(make(k)));
    ASSERT_EQ(e != nullptr, expected.contains(k));
    if (e) { ASSERT_EQ(e->value, expected[k]); }
  }
  std::size_t seen = 0;
  t.for_each([&](auto&) { ++seen; });
  EXPECT_EQ(seen, expected.size());
}

TEST(state_table, agrees_with_unordered_map) {
  compare_with_unordered_map<std::uint64_t>(1, 50, [](auto k) { return k; });
  compare_with_unordered_map<std::uint64_t>(2, 20'000, [](auto k) { return k << 32; });
  compare_with_unordered_map<std::string>(3, 500, [](auto k) { return std::string(k % 40, 'x') + std::to_string(k); });
}

TEST(state_table, closes_gaps_in_crowded_probe_sequences) {
  for (std::uint64_t seed = 0; seed < 5; ++seed)
    compare_with_unordered_map<crowded>(seed, 30, [](auto k) { return crowded{static_cast<int>(k)}; });
}

TEST(state_table, destroys_what_it_holds) {
  auto shared = std::make_shared<int>(0);
  {
    state_table<int, std::shared_ptr<int>> t;
    for (int i = 0; i < 100; ++i) t.find_or_insert(i, hash(i)).first->value = shared;
    EXPECT_EQ(shared.use_count(), 101);
    for (int i = 0; i < 50; ++i) t.erase(i, hash(i));
    EXPECT_EQ(shared.use_count(), 51);
    state_table<int, std::shared_ptr<int>> moved = std::move(t);
    EXPECT_EQ(moved.size(), 50u);
    moved = {};
    EXPECT_EQ(moved.size(), 0u);
  }
  EXPECT_EQ(shared.use_count(), 1);
}

}  // namespace
}  // namespace freshet
