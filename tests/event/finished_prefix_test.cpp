#include "event/finished_prefix.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "freshet/base/random.hpp"

namespace freshet {
namespace {

TEST(finished_prefix, grows_only_when_nothing_before_is_missing) {
  finished_prefix p;
  const auto a = p.emitted({0, 0, 10}), b = p.emitted({0, 10, 25}), c = p.emitted({0, 25, 26});
  p.finished(b);
  EXPECT_EQ(p.intervals(), 1u);
  EXPECT_TRUE(p.take_progress().empty());
  p.finished(a);
  EXPECT_EQ(p.take_progress(), (std::vector<position>{{0, 25, 25}}));
  p.finished(c);
  EXPECT_EQ(p.take_progress(), (std::vector<position>{{0, 26, 26}}));
  EXPECT_EQ(p.intervals(), 0u);
}

TEST(finished_prefix, gaps_between_offsets_belong_to_the_message_behind_them) {
  finished_prefix p;
  const auto a = p.emitted({3, 5, 6}), b = p.emitted({3, 100, 101});
  EXPECT_EQ(b, (position{3, 6, 101}));
  p.finished(a);
  p.finished(b);
  EXPECT_EQ(p.take_progress(), (std::vector<position>{{3, 101, 101}}));
}

TEST(finished_prefix, tells_what_is_finished_beyond_it) {
  finished_prefix p;
  std::vector<position> all;
  for (std::uint64_t i = 0; i < 8; ++i) all.push_back(p.emitted({2, i * 10, i * 10 + 1}));
  for (const auto i : {2u, 5u, 4u, 7u}) p.finished(all[i]);
  EXPECT_EQ(p.beyond(2, 9), (std::vector<position_range>{{2, 11, 21}, {2, 31, 51}, {2, 61, 71}}));
  EXPECT_EQ(p.beyond(2, 2), (std::vector<position_range>{{2, 11, 21}, {2, 31, 51}}));
  EXPECT_TRUE(p.beyond(0, 9).empty());
}

TEST(finished_prefix, partitions_are_apart) {
  finished_prefix p;
  const auto a = p.emitted({0, 0, 1});
  const auto b = p.emitted({1, 7, 8});
  p.finished(b);
  EXPECT_EQ(p.take_progress(), (std::vector<position>{{1, 8, 8}}));
  p.finished(a);
  EXPECT_EQ(p.take_progress(), (std::vector<position>{{0, 1, 1}}));
}

TEST(finished_prefix, any_order_of_finishing_ends_in_one_prefix_and_bounded_intervals) {
  std::mt19937 random(42);
  for (int round = 0; round < 200; ++round) {
    finished_prefix p;
    std::vector<position> all;
    std::uint64_t at = 0;
    for (int i = 0; i < 50; ++i) {
      const auto gap = random() % 3, width = 1 + random() % 5;
      all.push_back(p.emitted({0, at + gap, at + gap + width}));
      at += gap + width;
    }
    std::shuffle(all.begin(), all.end(), random);
    for (std::size_t i = 0; i < all.size(); ++i) {
      p.finished(all[i]);
      EXPECT_LE(p.intervals(), i + 1);
      EXPECT_LE(p.intervals(), all.size() - i);
    }
    EXPECT_EQ(p.intervals(), 0u);
    EXPECT_EQ(p.take_progress(), (std::vector<position>{{0, at, at}}));
  }
}

/// Parts of a message that came in different rounds, or a spout that went back: whoever fails is read as a whole.
TEST(finished_prefix, what_is_emitted_again_is_finished_as_often) {
  finished_prefix p;
  const auto a = p.emitted({0, 0, 3}), b = p.emitted({0, 5, 6});
  const auto b_again = p.emitted({0, 5, 6}), a_again = p.emitted({0, 0, 3}), c = p.emitted({0, 6, 7});
  EXPECT_EQ(a_again, (position{0, 0, 3}));
  EXPECT_EQ(b_again, (position{0, 5, 6}));
  EXPECT_EQ(c, (position{0, 6, 7})) << "going back takes nothing back";
  finished_run run(p);
  for (const auto& e : {a, b, c}) run.add(e);
  run.end();
  EXPECT_TRUE(p.take_progress().empty());
  p.finished(a_again);
  EXPECT_EQ(p.take_progress(), (std::vector<position>{{0, 3, 3}}));
  p.finished(b_again);
  EXPECT_EQ(p.take_progress(), (std::vector<position>{{0, 7, 7}})) << "with the gap in front of b";
}

TEST(finished_prefix, what_is_emitted_again_when_it_was_finished_changes_nothing) {
  finished_prefix p;
  p.finished(p.emitted({0, 0, 3}));
  const auto again = p.emitted({0, 0, 3}), next = p.emitted({0, 3, 4});
  EXPECT_EQ(again, (position{0, 0, 3}));
  p.finished(next);
  EXPECT_EQ(p.take_progress(), (std::vector<position>{{0, 4, 4}}));
  p.finished(again);
  EXPECT_TRUE(p.take_progress().empty());
}

/// In pieces or one by one: the same progress, also where a spout leaves gaps, goes back or jumps.
TEST(finished_prefix, passes_messages_that_are_finished_when_they_are_emitted) {
  random_source random{11};
  for (int round = 0; round < 200; ++round) {
    finished_prefix one_by_one, passed;
    std::uint64_t ends[3] = {};
    for (int poll = 0; poll < 5; ++poll) {
      std::vector<position> all;
      for (auto n = random.below(30); n > 0; --n) {
        const auto p = static_cast<partition_id>(random.below(8) % 3);
        auto& end = ends[p];
        if (random.below(10) == 0) end -= std::min<std::uint64_t>(end, random.below(5));
        const auto from = end + (random.below(4) == 0);
        all.push_back({p, from, end = from + 1 + random.below(3)});
      }
      for (const auto& at : all) one_by_one.finished(one_by_one.emitted(at));
      passed.passed(all);
      EXPECT_EQ(passed.standing(), one_by_one.standing());
      EXPECT_EQ(passed.take_progress(), one_by_one.take_progress());
      EXPECT_EQ(passed.intervals(), 0u);
    }
  }
}

/// In one piece or one by one: the same progress.
TEST(finished_run, finishes_what_is_added) {
  random_source random{5};
  for (int round = 0; round < 200; ++round) {
    finished_prefix one_by_one, in_runs;
    std::vector<position> extents;
    std::uint64_t ends[3] = {};
    for (int i = 0; i < 60; ++i) {
      const auto p = static_cast<partition_id>(random.below(3));
      const position at{p, ends[p] + random.below(2), ends[p] + 2 + random.below(4)};
      ends[p] = at.next;
      extents.push_back(one_by_one.emitted(at));
      EXPECT_EQ(in_runs.emitted(at), extents.back());
    }
    finished_run run(in_runs);
    for (const auto& e : extents)
      if (random.below(5)) {
        one_by_one.finished(e);
        run.add(e);
      }
    run.end();
    EXPECT_EQ(in_runs.take_progress(), one_by_one.take_progress());
    EXPECT_EQ(in_runs.intervals(), one_by_one.intervals());
  }
}

}  // namespace
}  // namespace freshet
