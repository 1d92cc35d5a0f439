#include "freshet/core/keyed_call.hpp"

#include <gtest/gtest.h>

#include <string>
#include <unordered_map>

#include "core/bolt_bench.hpp"
#include "freshet/base/random.hpp"

namespace freshet {
namespace {

using samples::bolt_bench;

/// How often a key has come.
struct count_keys {
  using state = std::uint64_t;
  template <class T>
  static std::uint64_t next(const T&, state& n) {
    return ++n;
  }
};
struct count_numbers : count_keys {
  std::uint64_t process(const std::uint64_t& n, state& s) { return next(n, s); }
};
struct count_texts : count_keys {
  std::uint64_t process(const std::string& text, state& s) {
    if (text == "poison") throw std::runtime_error("poison");
    return next(text, s);
  }
};

template <class T>
std::vector<std::uint64_t> counted(const std::vector<T>& values, std::unordered_map<T, std::uint64_t>& counts) {
  std::vector<std::uint64_t> all;
  for (const auto& v : values) all.push_back(++counts[v]);
  return all;
}

/// Few keys, so that one comes several times in a strip; and many, so that tables grow in the middle of one.
TEST(keyed_call, gives_every_tuple_the_state_of_its_key) {
  for (const std::uint64_t keys : {1, 5, 100, 100'000}) {
    bolt_bench<std::uint64_t, std::uint64_t> bench(count_numbers{}, key_grouping{[](std::uint64_t n) { return n; }});
    random_source random{keys};
    std::unordered_map<std::uint64_t, std::uint64_t> counts;
    std::vector<std::uint64_t> expected;
    for (int batch = 0; batch < 30; ++batch) {
      std::vector<std::uint64_t> values(random.below(300));
      for (auto& v : values) v = random.below(keys);
      for (auto n : counted(values, counts)) expected.push_back(n);
      const auto read = bench.read(values);
      EXPECT_EQ(read.why, read_stop::end);
      EXPECT_EQ(read.next, values.size());
    }
    EXPECT_EQ(bench.out.values, expected) << keys << " keys";
    EXPECT_EQ(bench.op->state->rows(), counts.size());
  }
}

/// Enough memory that tables are fetched ahead.
TEST(keyed_call, looks_far_states_up_as_well) {
  bolt_bench<std::uint64_t, std::uint64_t> bench(count_numbers{}, key_grouping{[](std::uint64_t n) { return n; }});
  std::unordered_map<std::uint64_t, std::uint64_t> counts;
  std::vector<std::uint64_t> expected, values(1000);
  for (std::uint64_t round = 0; round < 3; ++round)
    for (std::uint64_t from = 0; from < 40'000; from += values.size()) {
      for (std::uint64_t i = 0; i < values.size(); ++i) values[i] = (from + i) * 0x9e3779b97f4a7c15u;
      for (auto n : counted(values, counts)) expected.push_back(n);
      bench.read(values);
    }
  EXPECT_EQ(bench.out.values, expected);
}

TEST(keyed_call, keys_that_are_text_are_not_asked_for_again_where_they_are_made) {
  int asked = 0;
  bolt_bench<std::string, std::uint64_t> made(count_texts{}, key_grouping{[&asked](const std::string& s) {
                                                ++asked;
                                                return s.substr(0, 1);
                                              }});
  made.read({"apple", "avocado", "banana", "apricot"});
  EXPECT_EQ(made.out.values, (std::vector<std::uint64_t>{1, 2, 1, 3}));
  EXPECT_EQ(asked, 8);  // for the hash, and for the comparison
}

TEST(keyed_call, a_failure_in_the_midst_of_a_strip_leaves_its_neighbours_alone) {
  bolt_bench<std::string, std::uint64_t> bench(count_texts{}, key_grouping{std::identity{}});
  std::vector<std::string> values;
  for (int i = 0; i < 70; ++i) values.push_back(i % 7 == 3 ? "poison" : "key " + std::to_string(i % 5));
  std::unordered_map<std::string, std::uint64_t> counts;
  std::vector<std::uint64_t> expected;
  for (const auto& v : values)
    if (v != "poison") expected.push_back(++counts[v]);
  bench.read(values);
  EXPECT_EQ(bench.out.values, expected);
  EXPECT_EQ(bench.host.failures.size(), 10u);
  EXPECT_EQ(bench.host.failures[0], (std::pair<std::size_t, std::string>{3, "poison"}));
}

TEST(keyed_call, a_key_that_cannot_be_had_fails_its_own_tuple_wherever_it_stands) {
  const auto key = [](const std::uint64_t& n) -> const std::uint64_t& {
    if (n % 10 == 9) throw std::runtime_error("no key");
    return n;
  };
  for (std::uint64_t first : {0, 9, 5}) {
    bolt_bench<std::uint64_t, std::uint64_t> bench(count_numbers{}, key_grouping{key});
    std::vector<std::uint64_t> values;
    for (std::uint64_t i = 0; i < 80; ++i) values.push_back(first + i % 20);
    std::unordered_map<std::uint64_t, std::uint64_t> counts;
    std::vector<std::uint64_t> expected;
    std::size_t failing = 0;
    for (auto v : values)
      if (v % 10 == 9) ++failing;
      else expected.push_back(++counts[v]);
    bench.read(values);
    EXPECT_EQ(bench.out.values, expected);
    EXPECT_EQ(bench.host.failures.size(), failing);
  }
}

}  // namespace
}  // namespace freshet
