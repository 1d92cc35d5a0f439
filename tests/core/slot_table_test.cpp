#include "freshet/core/slot_table.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include "freshet/base/random.hpp"
#include "freshet/base/time_arithmetic.hpp"

namespace freshet {
namespace {

/// A hash that puts everything into few slots, so that probe sequences run into each other and round the end.
struct colliding {
  int value = 0;
  bool operator==(const colliding&) const = default;
};
}  // namespace
template <>
struct stable_hash<colliding> {
  static std::uint64_t of(const colliding& c) { return static_cast<std::uint64_t>(c.value % 5) + 6; }
};
namespace {

template <class K>
struct keyed_row {
  K key;
  int value;
};
/// Slots of keys, by their types.
template <class K>
class keyed_slots : public slot_table {
 public:
  keyed_slots() : slot_table(type_of<keyed_row<K>>()) {}
  std::size_t slot(const K& key) const {
    const auto* e = find<keyed_row<K>>(key, stable_hash<K>::of(key));
    return e ? slot_of(*e) : none;
  }
  std::size_t add(const K& key) {
    const auto known = slot(key);
    return known != none ? known : slot_of(insert<keyed_row<K>>(key, stable_hash<K>::of(key)));
  }
};

TEST(slot_table, marks_stay_with_their_entries) {
  keyed_slots<int> t;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(t.mark(t.add(i), 7), 0);
  for (int i = 20; i < 1000; ++i) t.add(i);  // grows, several times
  for (int i = 10; i < 500; ++i) t.erase(t.slot(i));
  for (int i = 10; i < 20; ++i) EXPECT_EQ(t.mark(t.add(i), 7), 0) << i;  // in new entries
  for (int i = 0; i < 20; ++i) EXPECT_EQ(t.mark(t.slot(i), 7), 7) << i;
  for (int i = 500; i < 1000; ++i) EXPECT_EQ(t.mark(t.slot(i), 7), 0) << i;
  EXPECT_EQ(t.mark(t.slot(0), 8), 7);
  t.clear_marks(7);
  EXPECT_EQ(t.mark_of(t.slot(0)), 8);
  EXPECT_EQ(t.mark_of(t.slot(1)), 0);
  EXPECT_EQ(t.mark(t.slot(1), 9), 0);
  t.clear_marks_but(9);
  EXPECT_EQ(t.mark_of(t.slot(0)), 0);
  EXPECT_EQ(t.mark_of(t.slot(1)), 9);
}

TEST(slot_table, gives_every_entry_near_some_slot) {
  keyed_slots<int> t;
  EXPECT_EQ(t.near(3), slot_table::none);
  for (int i = 0; i < 100; ++i) t.add(i);
  std::set<int> seen;
  for (std::size_t slot = 0; slot < 2 * t.capacity(); ++slot) seen.insert(t.at<keyed_row<int>>(t.near(slot)).key);
  EXPECT_EQ(seen.size(), 100u);
}

/// Entries move when the table grows and when gaps close: what is kept beside them moves along.
TEST(slot_table, remembers_when_each_entry_was_used) {
  random_source random(4);
  keyed_slots<colliding> t;
  std::unordered_map<int, int> used;
  for (int n = 1; n < 3000; ++n) {
    const colliding key{static_cast<int>(random.below(60))};
    if (random.chance(0.4)) {
      const auto slot = t.slot(key);
      EXPECT_EQ(slot != slot_table::none, used.erase(key.value) != 0);
      if (slot != slot_table::none) t.erase(slot);
    } else {
      t.used(t.add(key)) = event_time{event_span{n}};
      used[key.value] = n;
    }
    for (const auto& [k, at] : used) ASSERT_EQ(t.last_use(t.slot({k})), event_time{event_span{at}}) << n;
  }
}

TEST(slot_table, a_last_use_that_nobody_said_is_the_beginning_of_time) {
  keyed_slots<int> t;
  EXPECT_EQ(t.last_use(t.add(1)), beginning_of_time);
  const auto bytes = t.bytes();
  t.used(t.slot(1)) = event_time{};
  EXPECT_EQ(t.bytes(), bytes + t.capacity() * sizeof(event_time));
  EXPECT_EQ(t.last_use(t.add(2)), beginning_of_time);
}

TEST(slot_table, erases_piece_by_piece) {
  keyed_slots<colliding> t;
  for (int k = 0; k < 50; ++k) t.add({k});
  const auto is_odd = [&](std::size_t slot) { return t.at<keyed_row<colliding>>(slot).key.value % 2 == 1; };
  // What closing a gap has moved before the place is met in the next round.
  for (int round = 0; round < 2; ++round)
    for (std::size_t at = 0; at < t.capacity();) at = t.erase_some(at, 3, is_odd);
  EXPECT_EQ(t.size(), 25u);
  for (int k = 0; k < 50; ++k) EXPECT_EQ(t.slot({k}) != slot_table::none, k % 2 == 0);
}

/// A key whose copy throws, if told to.
struct breakable_key {
  breakable_key(int v) : value(v) {}
  breakable_key(const breakable_key& other) : value(other.value) {
    if (breaks) throw std::runtime_error("cannot be copied");
  }
  breakable_key(breakable_key&& other) noexcept = default;
  bool operator==(const breakable_key&) const = default;
  int value;
  static inline bool breaks = false;
};
}  // namespace
template <>
struct stable_hash<breakable_key> {
  static std::uint64_t of(const breakable_key& b) { return stable_hash<int>::of(b.value); }
};
namespace {

TEST(slot_table, an_insertion_that_throws_has_not_been) {
  keyed_slots<breakable_key> t;
  for (int n = 0; n < 100; ++n) {
    breakable_key::breaks = true;
    EXPECT_THROW(t.add(n), std::runtime_error);
    breakable_key::breaks = false;
    EXPECT_EQ(t.slot(n), slot_table::none);
    EXPECT_EQ(t.size(), static_cast<std::size_t>(n));
    t.add(n);
  }
  for (int n = 0; n < 100; ++n) EXPECT_NE(t.slot(n), slot_table::none) << n;
}

}  // namespace
}  // namespace freshet
