#include "freshet/time/slice_tree.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "freshet/base/random.hpp"

namespace freshet {
namespace {

using tree = slice_tree<std::string>;
static_assert(durable<tree>);
const auto append = [](std::string& into, const std::string& from) { into += from; };
const auto nothing = [] { return std::string(); };

std::string joined(const std::map<std::int64_t, std::string>& all, std::int64_t from, std::int64_t to) {
  std::string text;
  for (auto i = all.lower_bound(from); i != all.end() && i->first < to; ++i) text += i->second;
  return text;
}

/// Text, so that the order of merges shows.
TEST(slice_tree, merges_any_range_in_order) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    random_source random(seed);
    const auto numbers = 1 + random.below(300);
    tree t;
    std::map<std::int64_t, std::string> all;
    std::int64_t low = -20;
    for (int step = 0; step < 600; ++step) {
      const auto what = random.below(10);
      const auto n = low + static_cast<std::int64_t>(random.below(numbers));
      if (what < 7) {
        const char c = static_cast<char>('a' + random.below(26));
        t.at(n, nothing) += c;
        all[n] += c;
      } else if (what < 9) {
        const auto to = n + static_cast<std::int64_t>(random.below(numbers));
        ASSERT_EQ(t.merged(n, to, append).value_or(""), joined(all, n, to)) << "seed " << seed << " step " << step;
      } else {
        low += static_cast<std::int64_t>(random.below(4));
        t.drop_below(low);
        all.erase(all.begin(), all.lower_bound(low));
      }
      ASSERT_EQ(t.size(), all.size());
      if (!all.empty()) { ASSERT_EQ(t.first(), all.begin()->first); }
    }
    writer w;
    codec<tree>::write(w, t);
    tree copy;
    copy.at(1, nothing) = "gone";
    reader r(w.data());
    codec<tree>::read(r, copy, 1);
    ASSERT_TRUE(!r.failed() && r.left() == 0);
    ASSERT_EQ(copy.merged(INT64_MIN, INT64_MAX, append), t.merged(INT64_MIN, INT64_MAX, append));
  }
}

TEST(slice_tree, nothing_in_a_range) {
  tree t;
  EXPECT_FALSE(t.merged(0, 10, append));
  t.at(10, nothing) = "x";
  EXPECT_FALSE(t.merged(0, 10, append));
  EXPECT_FALSE(t.merged(11, 20, append));
  EXPECT_EQ(t.merged(10, 11, append), "x");
}

TEST(slice_tree, merges_few_times) {
  slice_tree<int> t;
  int merges = 0;
  const auto add = [&](int& into, int from) {
    into += from;
    ++merges;
  };
  const int window = 3600, rounds = 10000;
  for (int i = 0; i < window + rounds; ++i) {
    t.at(i, [] { return 0; }) += 1;
    if (i < window) continue;
    ASSERT_EQ(t.merged(i - window, i, add), window);
    t.drop_below(i - window + 1);
  }
  EXPECT_LT(merges / rounds, 40);
}

}  // namespace
}  // namespace freshet
