#include "freshet/core/router.hpp"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <string>

#include "core/bolt_bench.hpp"

namespace freshet {
namespace {

using namespace samples;

/// A router of one producing task, and what it put where.
template <class T, class G>
class routing {
 public:
  routing(G grouping, route where) : where_(with_layout(std::move(where))), made_(grouping, where_, frame) {}
  void send(const T& value) {
    frame.begin({}, nullptr, {}, {});
    static_cast<consumer<T>&>(made_.entry()).take(value);
  }
  /// How many tuples each outbox has had.
  std::vector<std::uint64_t> counts() const {
    std::vector<std::uint64_t> all;
    for (auto* box : made_.outboxes()) all.push_back(box->appended());
    return all;
  }
  /// Where each of `values` goes.
  std::vector<std::size_t> targets(const std::vector<T>& values) {
    std::vector<std::size_t> all;
    for (const auto& v : values) {
      const auto before = counts();
      send(v);
      const auto after = counts();
      std::size_t at = 0;
      while (at < after.size() && after[at] == before[at]) ++at;
      all.push_back(at);
    }
    return all;
  }
  any_router& router() { return made_; }
  call_frame frame;

 private:
  static route with_layout(route r) {
    r.layout.capacity = 64;
    return r;
  }
  const route where_;
  freshet::router<T, G> made_;
};

std::vector<int> some(int n) {
  std::vector<int> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}
using counts = std::vector<std::uint64_t>;
using targets = std::vector<std::size_t>;

TEST(router, shuffle_goes_round_from_the_producers_number) {
  routing<int, shuffle_grouping> r({}, {.producer_task = 1, .producer_tasks = 2, .targets = 3});
  EXPECT_EQ(r.targets(some(5)), (targets{1, 2, 0, 1, 2}));
  r.router().restart(2);
  EXPECT_EQ(r.targets(some(3)), (targets{2, 0, 1}));
  r.router().restart(2);
  EXPECT_EQ(r.targets(some(3)), (targets{2, 0, 1}));
}

TEST(router, forward_stays_at_its_number_where_both_sides_have_as_many) {
  routing<int, forward_grouping> same({}, {.producer_task = 2, .producer_tasks = 3, .targets = 3});
  same.router().restart(5);
  EXPECT_EQ(same.targets(some(3)), (targets{2, 2, 2}));
  routing<int, forward_grouping> other({}, {.producer_task = 2, .producer_tasks = 3, .targets = 2});
  EXPECT_EQ(other.targets(some(4)), (targets{0, 1, 0, 1}));
}

TEST(router, local_or_shuffle_prefers_the_tasks_at_hand) {
  routing<int, local_or_shuffle_grouping> local({}, {.targets = 5, .local = {1, 4}});
  EXPECT_EQ(local.targets(some(4)), (targets{1, 4, 1, 4}));
  routing<int, local_or_shuffle_grouping> none({}, {.targets = 3});
  for (int i : some(9)) none.send(i);
  EXPECT_EQ(none.counts(), (counts{3, 3, 3}));
}

TEST(router, global_goes_to_the_first) {
  routing<int, global_grouping> r({}, {.targets = 3});
  for (int i : some(4)) r.send(i);
  EXPECT_EQ(r.counts(), (counts{4, 0, 0}));
}

TEST(router, all_shares_one_outbox_and_counts_every_delivery) {
  routing<int, all_grouping> r({}, {.targets = 3});
  EXPECT_TRUE(r.router().broadcast());
  r.send(1);
  EXPECT_EQ(r.counts(), counts{1});
  EXPECT_EQ(r.frame.children, 3);
}

TEST(router, key_goes_where_its_group_lives_from_every_producer) {
  const auto key = key_grouping{[](const std::string& s) { return s; }};
  using G = decltype(key);
  routing<std::string, std::remove_const_t<G>> a(key, {.producer_task = 0, .producer_tasks = 2, .targets = 4});
  routing<std::string, std::remove_const_t<G>> b(key, {.producer_task = 1, .producer_tasks = 2, .targets = 4});
  b.router().restart(9);
  std::vector<std::string> words;
  for (int i = 0; i < 1000; ++i) words.push_back("word" + std::to_string(i));
  const auto at = a.targets(words);
  EXPECT_EQ(at, b.targets(words));
  for (std::size_t i = 0; i < words.size(); ++i)
    ASSERT_EQ(at[i], task_of_group(key_group_of(stable_hash<std::string>::of(words[i]), 128), 128, 4));
  for (auto n : a.counts()) EXPECT_GT(n, 150u);  // of 250
}

/// One key that is half of everything: key grouping gives its task half, partial key at most its share of two tasks.
TEST(router, partial_key_spreads_a_frequent_key_over_two_tasks) {
  const auto zero_half_the_time = [](int n) { return n % 2 ? 0 : n; };
  routing<int, partial_key_grouping<decltype(zero_half_the_time)>> r({zero_half_the_time}, {.targets = 8});
  std::map<int, std::map<std::size_t, int>> seen;
  const auto values = some(8000);
  const auto at = r.targets(values);
  for (std::size_t i = 0; i < at.size(); ++i) ++seen[zero_half_the_time(values[i])][at[i]];
  for (const auto& [key, tasks] : seen) ASSERT_LE(tasks.size(), 2u) << key;
  ASSERT_EQ(seen[0].size(), 2u);
  for (const auto& [task, n] : seen[0]) EXPECT_LT(n, 2600);
  const auto before = r.targets(values);
  r.router().restart(0);
  const auto first = r.targets(values);
  r.router().restart(0);
  EXPECT_EQ(r.targets(values), first);
}

TEST(router, custom_and_direct_name_the_task) {
  const auto last = [](int, std::size_t tasks) { return tasks - 1; };
  routing<int, custom_grouping<decltype(last)>> custom({last}, {.targets = 3});
  EXPECT_EQ(custom.targets(some(2)), (targets{2, 2}));
  const auto itself = [](int n) { return static_cast<std::size_t>(n); };
  routing<int, direct_grouping<decltype(itself)>> direct({itself}, {.targets = 3});
  EXPECT_EQ(direct.targets(some(3)), (targets{0, 1, 2}));
}

TEST(router, a_task_that_does_not_exist_fails_the_call_in_the_readers_name) {
  const auto itself = [](int n) { return static_cast<std::size_t>(n); };
  routing<int, direct_grouping<decltype(itself)>> direct({itself}, {.consumer = 7, .targets = 3});
  direct.send(3);
  ASSERT_TRUE(direct.frame.flags.failed);
  EXPECT_EQ(direct.frame.failure.node, 7u);
  EXPECT_EQ(direct.frame.failure.error.message, "the grouping chose task 3, but there are only 3 (0 to 2)");
  direct.frame.flags.failed = false;
  direct.send(-1);
  EXPECT_TRUE(direct.frame.flags.failed);
  direct.send(0);
  direct.frame.cut_back();  // after a failure nothing stays written
  EXPECT_EQ(direct.counts(), (counts{0, 0, 0}));
}

TEST(router, a_function_that_throws_fails_the_call) {
  const auto throws = [](int, std::size_t) -> std::size_t { throw std::runtime_error("grouping"); };
  routing<int, custom_grouping<decltype(throws)>> r({throws}, {.targets = 2});
  r.send(1);
  EXPECT_TRUE(r.frame.flags.failed);
  EXPECT_EQ(r.frame.failure.error.message, "grouping");
  r.frame.cut_back();
  EXPECT_EQ(r.frame.children, 0);
}

}  // namespace
}  // namespace freshet
