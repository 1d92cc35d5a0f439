#include "freshet/core/grouping.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "core/sample_types.hpp"
#include "freshet/core/edge.hpp"

namespace freshet {
namespace {

using namespace samples;

struct order {
  std::uint64_t id = 0;
  std::string user;
  const std::string& name() const { return user; }
};

template <class G>
void expect_name(std::string_view name) {
  EXPECT_EQ(grouping_name<G>::value, name);
  EXPECT_EQ(to_string(grouping_kind_of<G>), name) << "describe() has another name for it";
}

TEST(grouping, has_one_name_everywhere) {
  auto by_user = [](const order& o) { return o.user; };
  expect_name<forward_grouping>("forward");
  expect_name<shuffle_grouping>("shuffle");
  expect_name<local_or_shuffle_grouping>("local_or_shuffle");
  expect_name<all_grouping>("all");
  expect_name<global_grouping>("global");
  expect_name<decltype(key_grouping{by_user})>("key");
  expect_name<decltype(partial_key_grouping{by_user})>("partial_key");
  expect_name<decltype(custom_grouping{by_user})>("custom");
  expect_name<decltype(direct_grouping{&order::id})>("direct");
  static_assert(any_grouping<shuffle_grouping> && any_grouping<all_grouping> && any_grouping<global_grouping>);
  static_assert(!any_grouping<int> && !any_grouping<order>);
  static_assert(is_key_grouping<decltype(key_grouping{&order::id})> && !is_key_grouping<shuffle_grouping>);
  static_assert(is_partial_key_grouping<decltype(partial_key_grouping{&order::id})>);
}

template <class F, class T>
using key_type = typename decltype(key_type_of<F, T>())::type;

TEST(key_type_of, is_what_the_function_gives_as_an_owned_value) {
  auto view = [](const order& o) { return std::string_view(o.user); };
  auto literal = [](const order&) { return "all"; };
  static_assert(std::is_same_v<key_type<decltype(view), order>, std::string>);
  static_assert(std::is_same_v<key_type<decltype(literal), order>, std::string>);
  static_assert(std::is_same_v<key_type<std::uint64_t order::*, order>, std::uint64_t>);
  static_assert(std::is_same_v<key_type<decltype(&order::name), order>, std::string>);
  static_assert(std::is_same_v<key_type<std::identity, point>, point>);
}

TEST(key_group_of, takes_the_hash_as_a_fraction) {
  static_assert(key_group_of(0, 128) == 0 && key_group_of(~std::uint64_t{0}, 128) == 127);
  static_assert(key_group_of(std::uint64_t{1} << 63, 128) == 64 && key_group_of(std::uint64_t{1} << 63, 3) == 1);
  static_assert(key_group_of(~std::uint64_t{0}, 1) == 0);
}

TEST(task_of_group, gives_neighbouring_groups_and_equal_shares) {
  for (const std::uint32_t groups : {1u, 7u, 128u, 1000u})
    for (std::uint32_t tasks = 1; tasks <= groups; tasks = tasks * 2 + 1) {
      std::vector<std::uint32_t> share(tasks);
      std::uint32_t before = 0;
      for (std::uint32_t group = 0; group < groups; ++group) {
        const auto task = task_of_group(group, groups, tasks);
        ASSERT_LT(task, tasks);
        ASSERT_GE(task, before);
        before = task;
        ++share[task];
      }
      const auto [least, most] = std::minmax_element(share.begin(), share.end());
      EXPECT_GE(*least, 1u);
      EXPECT_LE(*most - *least, 1u);
    }
}

/// Pearson's chi-square of distinct keys over the groups, against an even spread.
template <class Keys>
double chi_square(const Keys& keys, std::uint32_t groups) {
  std::vector<double> count(groups);
  for (const auto& key : keys) ++count[key_group_of(stable_hash<typename Keys::value_type>::of(key), groups)];
  const double expected = static_cast<double>(keys.size()) / groups;
  double sum = 0;
  for (const double n : count) sum += (n - expected) * (n - expected) / expected;
  return sum;
}
/// Even enough: below the 0.01 % point of the distribution (Wilson and Hilferty's approximation), for every number of
/// groups. The keys are fixed, so the test doesn't flicker.
template <class Keys>
void expect_even(const Keys& keys, const char* what) {
  for (const std::uint32_t groups : {2u, 7u, 64u, 128u, 1000u}) {
    if (keys.size() < groups * 5) continue;
    const double k = groups - 1, root = 1 - 2 / (9 * k) + 3.719 * std::sqrt(2 / (9 * k));
    EXPECT_LT(chi_square(keys, groups), k * root * root * root) << what << ", " << groups << " groups";
  }
}
template <class F>
auto generate(int n, F&& key) {
  std::vector<std::decay_t<decltype(key(0))>> keys;
  for (int i = 0; i < n; ++i) keys.push_back(key(i));
  return keys;
}

TEST(key_groups, are_even_for_integers_with_a_pattern) {
  expect_even(generate(50'000, [](int i) { return i; }), "consecutive");
  expect_even(generate(50'000, [](int i) { return -i; }), "negative");
  expect_even(generate(50'000, [](int i) { return std::int64_t{i} * 128; }), "multiples of 128");
  expect_even(generate(50'000, [](int i) { return std::int64_t{i} << 32; }), "high halves");
  expect_even(generate(50'000, [](int i) { return std::int64_t{1'700'000'000'000} + std::int64_t{i} * 60'000; }),
              "minutes");
}

TEST(key_groups, are_even_for_text_with_a_pattern) {
  expect_even(generate(50'000, [](int i) { return "10.1." + std::to_string(i / 256) + '.' + std::to_string(i % 256); }),
              "addresses");
  expect_even(generate(50'000, [](int i) { return "user-" + std::to_string(i); }), "numbered");
  expect_even(
      generate(20'000, [](int i) { return std::string(static_cast<std::size_t>(i % 200), 'x') + std::to_string(i); }),
      "long and alike");
}

TEST(key_groups, are_even_for_composites) {
  expect_even(generate(40'000, [](int i) { return point{i % 200, i / 200}; }), "a grid of points");
  expect_even(generate(40'000, [](int i) { return std::pair(i % 200, std::to_string(i / 200)); }), "pairs");
  expect_even(generate(40'000, [](int i) { return std::vector<int>{i / 1000, i % 1000 / 10, i % 10}; }), "vectors");
}

TEST(key_groups, are_even_for_words_of_licences) {
  const std::filesystem::path folder = "/usr/share/common-licenses";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not on this system";
  std::set<std::string> words;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(file.path());
    for (std::string word; in >> word;) words.insert(word);
  }
  EXPECT_GT(words.size(), 1000u);
  expect_even(words, "words");
}

/// What a hash table within a group sees: the low bits of keys that share their high ones.
TEST(key_groups, leave_the_low_bits_even) {
  std::vector<int> count(16);
  int all = 0;
  for (int i = 0; i < 400'000; ++i) {
    const auto hash = stable_hash<int>::of(i);
    if (key_group_of(hash, 128) != 77) continue;
    ++count[hash % 16];
    ++all;
  }
  for (const int n : count) EXPECT_NEAR(n, all / 16.0, 5 * std::sqrt(all / 16.0));
}

}  // namespace
}  // namespace freshet
