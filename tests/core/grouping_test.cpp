#include "freshet/core/grouping.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "core/sample_types.hpp"
#include "freshet/base/random.hpp"
#include "freshet/core/edge.hpp"
#include "freshet/core/topology.hpp"

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

template <class Keys>
std::vector<double> keys_by_group(const Keys& keys, std::uint32_t groups) {
  std::vector<double> count(groups);
  for (const auto& key : keys) ++count[key_group_of(stable_hash<typename Keys::value_type>::of(key), groups)];
  return count;
}
/// Pearson's chi-square of keys over tasks, each of which should have its share of the groups. As many tasks as groups:
/// over these.
double chi_square(const std::vector<double>& by_group, std::uint32_t tasks) {
  const auto groups = static_cast<std::uint32_t>(by_group.size());
  const double a_group = std::accumulate(by_group.begin(), by_group.end(), 0.0) / groups;
  double sum = 0;
  for (std::uint32_t t = 0; t < tasks; ++t) {
    const auto mine = groups_of_task(t, groups, tasks);
    const double n = std::accumulate(by_group.begin() + mine.first, by_group.begin() + mine.end, 0.0);
    const double expected = a_group * (mine.end - mine.first);
    sum += (n - expected) * (n - expected) / expected;
  }
  return sum;
}
/// How far above the middle of the distribution, in standard deviations (Wilson and Hilferty's approximation),
/// chi-square may be. Keys that are fixed don't make the test flicker: 0.01 %. Those that happen to be on a machine:
/// one in 10^9.
constexpr double for_fixed_keys = 3.719, for_keys_of_this_machine = 5.998;

/// Even enough, for every number of groups and of tasks.
template <class Keys>
void expect_even(const Keys& keys, const char* what, double deviations = for_fixed_keys) {
  const auto check = [&](const std::vector<double>& by_group, std::uint32_t tasks) {
    if (keys.size() < tasks * 5) return;
    const double k = tasks - 1, root = 1 - 2 / (9 * k) + deviations * std::sqrt(2 / (9 * k));
    EXPECT_LT(chi_square(by_group, tasks), k * root * root * root)
        << what << ", " << tasks << " tasks with " << by_group.size() << " groups";
  };
  for (const std::uint32_t groups : {2u, 7u, 64u, 128u, 1000u}) check(keys_by_group(keys, groups), groups);
  const auto by_group = keys_by_group(keys, bolt_options{}.max_parallelism);
  for (std::uint32_t tasks = 2; tasks <= 64; ++tasks) check(by_group, tasks);
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
  // Of each length up to four stripes of the hash: 250 texts that are the same but for their last character.
  expect_even(
      generate(32'000,
               [](int i) { return std::string(static_cast<std::size_t>(i / 250), 'x') + static_cast<char>(i % 250); }),
      "different in the last character");
  expect_even(generate(50'000, [](int i) { return std::to_string(i * 0.1); }), "numbers with a fraction");
}

/// A UUID as text: the digits of two numbers, in groups.
std::string uuid(std::uint64_t high, std::uint64_t low) {
  std::array<char, 33> digits;
  std::snprintf(digits.data(), digits.size(), "%016llx%016llx", static_cast<unsigned long long>(high),
                static_cast<unsigned long long>(low));
  std::string text(digits.data(), 32);
  for (const std::size_t at : {8u, 13u, 18u, 23u}) text.insert(at, 1, '-');
  return text;
}

TEST(key_groups, are_even_for_uuids) {
  random_source random(1);
  expect_even(generate(50'000,
                       [&](int) {
                         const auto high = random(), low = random();
                         return uuid((high & ~0xf000ull) | 0x4000, low >> 2 | 1ull << 63);
                       }),
              "random ones (version 4)");
  expect_even(
      generate(50'000,
               [](int i) { return uuid(0x9f3a'0000'11ee'1000ull + (std::uint64_t(i) << 32), 0x8c2d'0242'ac12'0002); }),
      "of one host, in turn (version 1)");
}

/// Doubles are no keys, as equal ones need not be the same bits: whoever is sure of his takes these.
TEST(key_groups, are_even_for_the_bits_of_doubles) {
  expect_even(generate(50'000, [](int i) { return std::bit_cast<std::int64_t>(i * 0.1); }), "tenths");
  expect_even(generate(50'000, [](int i) { return std::bit_cast<std::int64_t>(static_cast<double>(i)); }), "whole");
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
  expect_even(words, "words", for_keys_of_this_machine);
}

TEST(key_groups, are_even_for_names_of_packages_and_their_versions) {
  const std::filesystem::path file = "/var/lib/dpkg/status";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not on this system";
  std::set<std::string> names, versions;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("Package: ")) names.insert(line.substr(9));
    if (line.starts_with("Version: ")) versions.insert(line.substr(9));
  }
  EXPECT_GT(names.size(), 50u);
  expect_even(names, "names", for_keys_of_this_machine);
  expect_even(versions, "versions", for_keys_of_this_machine);
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
