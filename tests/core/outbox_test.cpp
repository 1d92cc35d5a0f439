#include "freshet/core/outbox.hpp"

#include <gtest/gtest.h>

#include <string>

#include "freshet/base/random.hpp"

namespace freshet {
namespace {

class outbox_of_text : public testing::Test {
 protected:
  call_frame frame;
  outbox<std::string> box{{.capacity = 4, .roots = true}, frame};

  void call(const std::vector<std::string>& values, bool fails = false) {
    frame.begin(root{7, 1}, nullptr, {}, {});
    for (const auto& v : values) box.append(v);
    if (fails) box.cut_back();
  }
  /// All that is in the box, batches apart.
  std::vector<std::vector<std::string>> take() {
    std::vector<std::vector<std::string>> all;
    box.seal();
    while (box.has_sealed()) {
      auto* b = static_cast<batch<std::string>*>(box.pop());
      auto& values = all.emplace_back();
      for (std::size_t i = 0; i < b->size(); ++i) values.push_back(b->value(i));
      box.pool.give(b);
    }
    return all;
  }
  using rows = std::vector<std::vector<std::string>>;
};

TEST_F(outbox_of_text, fills_batches_and_says_when_one_is_full) {
  EXPECT_TRUE(box.empty());
  call({"a", "b", "c", "d"});
  call({"e"});
  EXPECT_TRUE(frame.flags.outbox_full);
  EXPECT_EQ(box.appended(), 5u);
  EXPECT_EQ(take(), (rows{{"a", "b", "c", "d"}, {"e"}}));
  EXPECT_TRUE(box.empty());
}

TEST_F(outbox_of_text, cuts_back_what_the_failed_call_wrote) {
  call({"a", "b"});
  call({"c"}, true);
  EXPECT_EQ(box.appended(), 2u);
  EXPECT_EQ(take(), (rows{{"a", "b"}}));
}

TEST_F(outbox_of_text, cuts_back_over_several_batches) {
  call({"a", "b"});
  call({"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}, true);
  EXPECT_EQ(box.appended(), 2u);
  call({"c", "d", "e"});
  EXPECT_EQ(take(), (rows{{"a", "b", "c", "d"}, {"e"}}));
}

TEST_F(outbox_of_text, cuts_back_to_a_batch_that_was_just_full) {
  call({"a", "b", "c", "d"});
  call({"1", "2", "3", "4", "5"}, true);
  EXPECT_EQ(take(), (rows{{"a", "b", "c", "d"}}));
}

TEST_F(outbox_of_text, a_failed_call_that_wrote_nothing_here_cuts_nothing) {
  call({"a"});
  call({}, true);
  EXPECT_EQ(take(), (rows{{"a"}}));
}

TEST_F(outbox_of_text, keeps_what_was_sealed_between_calls) {
  call({"a"});
  box.seal();
  call({"1", "2", "3", "4", "5"}, true);
  call({"b"});
  EXPECT_EQ(take(), (rows{{"a"}, {"b"}}));
}

TEST_F(outbox_of_text, gives_every_tuple_the_anchor_of_its_call) {
  const root_list several{root{3, 0}, root{4, 2}};
  frame.begin(root::several(0), &several, {}, {});
  box.append("several");
  call({"one"});
  box.seal();
  auto* b = box.pop();
  ASSERT_TRUE(b->root_of(0).is_several());
  EXPECT_EQ(b->roots_of(0), several);
  EXPECT_EQ(b->root_of(1), (root{7, 1}));
  box.pool.give(b);
}

TEST_F(outbox_of_text, marks_travel_behind_the_tuples) {
  call({"a"});
  box.marks().flush = true;
  EXPECT_FALSE(box.empty());
  box.seal();
  box.marks().end = true;
  box.seal();
  auto* first = box.pop();
  EXPECT_EQ(first->size(), 1u);
  EXPECT_TRUE(first->marks.flush && !first->marks.end);
  auto* second = box.pop();
  EXPECT_EQ(second->size(), 0u);
  EXPECT_TRUE(second->marks.end);
  box.pool.give(first);
  box.pool.give(second);
  call({"b"});
  box.seal();
  auto* reused = box.pop();
  EXPECT_FALSE(reused->marks.any());
  box.pool.give(reused);
  EXPECT_EQ(box.pool.made(), 2u);
}

/// Random calls, failures, seals and pops against a plain list.
TEST_F(outbox_of_text, agrees_with_a_list) {
  random_source random(1);
  std::vector<std::string> expected, got;
  for (int n = 0; n < 20'000; ++n) {
    std::vector<std::string> values;
    for (auto k = random.below(random.chance(0.1) ? 20 : 4); k > 0; --k)
      values.push_back(std::to_string(n) + "." + std::to_string(k));
    const bool fails = random.chance(0.3);
    call(values, fails);
    if (!fails) expected.insert(expected.end(), values.begin(), values.end());
    if (random.chance(0.2)) box.seal();
    if (random.chance(0.3))
      for (auto& b : take()) got.insert(got.end(), b.begin(), b.end());
    ASSERT_EQ(box.appended(), expected.size());
  }
  for (auto& b : take()) got.insert(got.end(), b.begin(), b.end());
  EXPECT_EQ(got, expected);
}

}  // namespace
}  // namespace freshet
