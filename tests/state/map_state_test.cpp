#include "freshet/state/map_state.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/state/list_state.hpp"

namespace freshet {
namespace {

using map_type = map_state<std::string, int>;
using rows = std::vector<std::pair<std::string, int>>;

/// In the order in which the map is gone through.
rows contents(const map_type& map) {
  rows all;
  for (const auto& [key, value] : map) all.emplace_back(key, value);
  return all;
}
void expect_same(const map_type& map, const std::map<std::string, int>& expected) {
  ASSERT_EQ(map.size(), expected.size());
  for (const auto& [key, value] : expected) {
    const int* found = map.find(key);
    ASSERT_NE(found, nullptr) << key;
    ASSERT_EQ(*found, value) << key;
  }
}

void change(random_source& random, map_type& map, std::map<std::string, int>& expected) {
  const auto key = std::to_string(random.below(40));
  const auto value = static_cast<int>(random.below(1000));
  switch (random.below(8)) {
    case 0:
      EXPECT_EQ(map.insert(key, value), expected.emplace(key, value).second);
      break;
    case 1:
    case 2:
      EXPECT_EQ(map.erase(key), expected.erase(key) != 0);
      break;
    case 3:
      if (!random.chance(0.05)) break;
      expected.clear();
      if (random.chance(0.3)) {
        map.clear();
      } else {
        map = map_type{};
        map = [&] {
          map_type other;
          other.insert(key, value);
          return other;
        }();
        expected[key] = value;
      }
      break;
    default:
      map[key] += value;
      expected[key] += value;
  }
}

void change_and_undo(random_source& random, map_type& map, std::map<std::string, int>& expected, int depth) {
  for (auto n = random.below(12); n > 0; --n) {
    if (depth < 3 && random.chance(0.3)) {
      const auto before = expected;
      const auto order = contents(map);
      undo_point<map_type> point(map);
      change_and_undo(random, map, expected, depth + 1);
      if (random.chance(0.5)) {
        point.undo(map);
        expected = before;
        ASSERT_EQ(contents(map), order) << "the order comes back too";
      } else {
        point.keep(map);
      }
    } else {
      change(random, map, expected);
    }
    ASSERT_NO_FATAL_FAILURE(expect_same(map, expected));
  }
}

TEST(map_state, does_and_undoes_what_a_map_and_its_copies_do) {
  random_source random(11);
  map_type map;
  std::map<std::string, int> expected;
  for (int i = 0; i < 1000; ++i) ASSERT_NO_FATAL_FAILURE(change_and_undo(random, map, expected, 0)) << i;
}

TEST(map_state, is_gone_through_in_the_order_of_insertion) {
  map_type map;
  for (const char* key : {"c", "a", "d", "b"}) map.insert(key, 1);
  EXPECT_FALSE(map.insert("a", 2));
  map.erase("c");
  const rows expected{{"b", 1}, {"a", 1}, {"d", 1}};
  EXPECT_EQ(contents(map), expected);
}

TEST(map_state, is_written_and_read_back_in_its_order) {
  map_type from, to;
  for (int i = 0; i < 100; ++i) from[std::to_string(i * 37 % 100)] = i;
  for (int i = 0; i < 50; ++i) from.erase(std::to_string(i));
  writer w;
  codec<map_type>::write(w, from);
  reader r{w.data()};
  codec<map_type>::read(r, to, codec_version<map_type>);
  EXPECT_FALSE(r.failed());
  EXPECT_EQ(contents(to), contents(from));
}

TEST(map_state, bytes_that_name_a_key_twice_are_damaged) {
  map_state<int, int> map;
  writer w;
  w.length(2);
  for (int i = 0; i < 2; ++i) {
    write_value(w, 7);
    write_value(w, i);
  }
  reader r{w.data()};
  codec<map_state<int, int>>::read(r, map, 1);
  EXPECT_TRUE(r.failed());
}

TEST(map_state, marks_within_its_values_go_with_them) {
  map_state<int, list_state<int>> map;
  for (int i = 0; i < 4; ++i) map[i].push_back(i);
  undo_point<decltype(map)> first(map);
  map[3].push_back(33);
  map[1].push_back(11);
  map.erase(0);  // 3 stands in its place now
  map.erase(1);
  first.keep(map);
  undo_point<decltype(map)> second(map);
  map[3].push_back(333);
  second.undo(map);
  EXPECT_EQ(map.size(), 2u);
  EXPECT_EQ(map.find(3)->size(), 2u);
  EXPECT_EQ(map.find(2)->size(), 1u);
}

TEST(map_state, keeping_many_changes_of_few_values_takes_little_time) {
  map_state<int, list_state<int>> map;
  map[0].push_back(0);
  map[1].push_back(0);
  undo_point<decltype(map)> point(map);
  for (int i = 0; i < 200'000; ++i) map[i % 2].push_back(i);
  point.keep(map);
  EXPECT_EQ(map.find(0)->size(), 100'001u);
}

TEST(map_state, holds_many_keys) {
  map_state<std::uint64_t, std::uint64_t> map;
  constexpr std::uint64_t many = 200000;
  for (std::uint64_t i = 0; i < many; ++i) map[i * 0x10001] = i;
  for (std::uint64_t i = 0; i < many; i += 2) EXPECT_TRUE(map.erase(i * 0x10001));
  EXPECT_EQ(map.size(), many / 2);
  for (std::uint64_t i = 0; i < many; ++i) ASSERT_EQ(map.contains(i * 0x10001), i % 2 == 1);
}

}  // namespace
}  // namespace freshet
