#include "freshet/core/stable_hash.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <unordered_map>

#include "core/sample_types.hpp"
#include "freshet/base/event_time.hpp"

namespace freshet {
namespace {

using namespace samples;

template <class T>
std::uint64_t hash(const T& key) {
  return stable_hash<T>::of(key);
}

/// Hashed by its own rule: letters of any case alike.
struct word {
  std::string text;
};
struct with_double {
  int id = 0;
  double amount = 0;
};

}  // namespace

template <>
struct stable_hash<word> {
  static std::uint64_t of(const word& w) {
    std::string lower = w.text;
    for (char& c : lower) c = static_cast<char>(c | 0x20);
    return stable_hash<std::string>::of(lower);
  }
};

namespace {

// Computed by an independent implementation: these numbers are a data format.
TEST(stable_hash, gives_the_published_numbers) {
  EXPECT_EQ(hash(42), 0xbdd732262feb6e95u);
  EXPECT_EQ(hash(-1), 0xe4d971771b652c20u);
  EXPECT_EQ(hash(std::string("abc")), 0x44bc2cf5ad770999u);
  EXPECT_EQ(hash(std::pair<int, std::string>(7, "ann")), 0x686232af8a1b25deu);
  EXPECT_EQ(hash(std::vector<int>{1, 2, 3}), 0xcffbd637b0880f8bu);
}

TEST(stable_hash, of_an_integer_is_that_of_its_value) {
  EXPECT_EQ(hash(std::int8_t{7}), hash(std::uint64_t{7}));
  EXPECT_EQ(hash(-7), hash(std::int64_t{-7}));
  EXPECT_EQ(hash(colour::green), hash(1));
  EXPECT_EQ(hash(true), hash(1));
  EXPECT_EQ(hash('\xe9'), hash(0xe9));  // whether or not char is signed
  EXPECT_NE(hash(0), 0u);
  EXPECT_NE(hash(std::uint32_t{0xffffffff}), hash(-1));
}

TEST(stable_hash, of_text_does_not_depend_on_its_type) {
  const char* pointer = "order";
  EXPECT_EQ(hash(std::string("order")), stable_hash<std::string>::of(std::string_view("order")));
  EXPECT_EQ(hash(std::string("order")), stable_hash<const char*>::of(pointer));
  EXPECT_EQ(key_hash{}("order"), hash(std::string("order")));
  EXPECT_EQ(key_hash{}(pointer), hash(std::string_view("order")));
}

TEST(stable_hash, of_composites_sees_order_size_and_parts) {
  EXPECT_EQ(hash(point{1, 2}), hash(std::pair(1, 2)));
  EXPECT_NE(hash(point{1, 2}), hash(point{2, 1}));
  EXPECT_NE(hash(std::vector<int>{0}), hash(std::vector<int>{0, 0}));
  EXPECT_NE(hash(std::vector<std::string>{"ab", "c"}), hash(std::vector<std::string>{"a", "bc"}));
  EXPECT_NE(hash(std::optional<int>()), hash(std::optional<int>(0)));
  EXPECT_NE(hash(std::variant<int, long>(1)), hash(std::variant<int, long>(1L)));
  EXPECT_NE(hash(tree{1, {{2, {}}}}), hash(tree{1, {{3, {}}}}));
  EXPECT_EQ(hash(money(5, "EUR")), hash(std::pair<std::int64_t, std::string>(5, "EUR")));
}

TEST(stable_hash, of_bytes_is_that_of_text) {
  EXPECT_EQ(hash(std::vector<unsigned char>{'a', 'b', 'c'}), hash(std::string("abc")));
  EXPECT_EQ(hash(std::array<std::byte, 1>{std::byte{'a'}}), hash(std::string("a")));
}

TEST(stable_hash, of_times_is_that_of_their_count) {
  EXPECT_EQ(hash(event_time(std::chrono::seconds(1))), hash(1000));
  EXPECT_EQ(hash(std::chrono::minutes(5)), hash(5));
}

TEST(key_value, holds_for_exact_keys) {
  static_assert(key_value<int> && key_value<std::string> && key_value<point> && key_value<money> && key_value<tree>);
  static_assert(key_value<std::tuple<int, std::string, std::optional<colour>>> && key_value<std::monostate>);
  static_assert(key_value<event_time> && key_value<word> && key_value<std::vector<word>>);
}

TEST(key_value, fails_for_others) {
  static_assert(!key_value<double> && !key_value<with_double> && !key_value<std::pair<int, float>>);
  static_assert(!key_value<std::string_view> && !key_value<secret> && !key_value<with_array>);
  static_assert(!key_value<std::map<int, int>> && !key_value<std::chrono::duration<double>>);
}

TEST(key_hash, serves_hash_tables_with_key_equal) {
  std::unordered_map<journey, int, key_hash, key_equal> by_journey = {};
  static_assert(!key_value<std::unordered_map<int, int>>);
  std::unordered_map<std::string, int, key_hash, key_equal> by_name = {{"ann", 1}};
  EXPECT_EQ(by_name.find(std::string_view("ann"))->second, 1);
  std::unordered_map<std::pair<point, money>, int, key_hash, key_equal> by_pair;
  by_pair[{{1, 2}, {3, "EUR"}}] = 7;
  EXPECT_TRUE(by_pair.contains({{1, 2}, {3, "EUR"}}));
  EXPECT_FALSE(by_pair.contains({{1, 2}, {3, "USD"}}));
}

}  // namespace
}  // namespace freshet
