#include "freshet/state/list_state.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "freshet/base/random.hpp"
#include "freshet/state/map_state.hpp"

namespace freshet {
namespace {

using texts = list_state<std::string>;
using model = std::vector<std::string>;

template <class T>
model contents(const list_state<T>& list) {
  return {list.begin(), list.end()};
}

/// One random change, to both.
void change(random_source& random, texts& list, model& expected, int number) {
  const auto size = expected.size();
  const auto text = std::to_string(number);
  const auto offset = [](std::size_t n) { return static_cast<std::ptrdiff_t>(n); };
  switch (random.below(size == 0 ? 2 : 8)) {
    case 0:
      list.push_back(text);
      return expected.push_back(text);
    case 1: {
      const auto at = random.below(size + 1);
      list.insert(at, text);
      return void(expected.insert(expected.begin() + offset(at), text));
    }
    case 2:
      list.pop_front();
      return void(expected.erase(expected.begin()));
    case 3: {
      const auto from = random.below(size), to = from + random.below(size - from + 1);
      list.erase(from, to);
      return void(expected.erase(expected.begin() + offset(from), expected.begin() + offset(to)));
    }
    case 4: {
      if (!random.chance(0.2)) return;
      texts other;
      if (random.chance(0.5)) other.push_back(text);
      expected = contents(other);
      if (random.chance(0.5)) list = other;
      else list = std::move(other);
      return;
    }
    case 5:
      if (!random.chance(0.1)) return;
      list.clear();
      return expected.clear();
    default: {
      const auto at = random.below(size);
      list.modify(at) += text;
      expected[at] += text;
    }
  }
}

/// Marks within marks, kept and undone at random, against copies.
void change_and_undo(random_source& random, texts& list, model& expected, int depth, int& number) {
  for (auto n = random.below(12); n > 0; --n) {
    if (depth < 3 && random.chance(0.3)) {
      const model before = expected;
      undo_point<texts> point(list);
      change_and_undo(random, list, expected, depth + 1, number);
      if (random.chance(0.5)) {
        point.undo(list);
        expected = before;
      } else {
        point.keep(list);
      }
    } else {
      change(random, list, expected, ++number);
    }
    ASSERT_EQ(contents(list), expected);
  }
}

TEST(list_state, does_and_undoes_what_a_vector_and_its_copies_do) {
  random_source random(7);
  texts list;
  model expected;
  int number = 0;
  for (int i = 0; i < 3000; ++i) ASSERT_NO_FATAL_FAILURE(change_and_undo(random, list, expected, 0, number)) << i;
}

TEST(list_state, looks_like_a_sequence) {
  list_state<int> list;
  EXPECT_TRUE(list.empty());
  for (int i = 0; i < 10; ++i) list.push_back(i);
  list.pop_front();
  EXPECT_EQ(list.size(), 9u);
  EXPECT_EQ(list.front(), 1);
  EXPECT_EQ(list.back(), 9);
  EXPECT_EQ(list[3], 4);
}

TEST(list_state, that_was_moved_from_is_empty) {
  list_state<int> from;
  for (int i = 0; i < 9; ++i) from.push_back(i);
  from.pop_front();
  const auto to = std::move(from);
  EXPECT_EQ(to.size(), 8u);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is what is asked
  from.push_back(1);
  EXPECT_EQ(from.front(), 1);
}

/// The marks move with the elements when the list grows, shrinks and moves them about.
TEST(list_state, elements_that_undo_themselves_are_undone_wherever_they_stand) {
  random_source random(5);
  list_state<list_state<int>> list;
  std::vector<std::vector<int>> expected;
  const auto contents_of = [&list] {
    std::vector<std::vector<int>> all;
    for (const auto& l : list) all.emplace_back(l.begin(), l.end());
    return all;
  };
  for (int round = 0; round < 2000; ++round) {
    const auto before = expected;
    undo_point<decltype(list)> point(list);
    for (auto n = random.below(12); n > 0; --n) {
      const auto size = expected.size();
      const auto at = random.below(size + 1);
      const auto place = expected.begin() + static_cast<std::ptrdiff_t>(at);
      if (size == 0 || random.chance(0.3)) {
        list.insert(at, {});
        expected.insert(place, std::vector<int>{});
      } else if (at == size) {
        continue;
      } else if (random.chance(0.2)) {
        list.erase(at);
        expected.erase(place);
      } else if (random.chance(0.2)) {
        list.modify(at) = {};
        place->clear();
      } else {
        list.modify(at).push_back(round);
        place->push_back(round);
      }
    }
    if (random.chance(0.5)) {
      point.undo(list);
      expected = before;
    } else {
      point.keep(list);
    }
    ASSERT_EQ(contents_of(), expected) << round;
  }
}

TEST(list_state, keeping_many_changes_of_few_elements_takes_little_time) {
  list_state<list_state<int>> list;
  list.push_back({});
  list.push_back({});
  undo_point<decltype(list)> point(list);
  for (int i = 0; i < 200'000; ++i) list.modify(static_cast<std::size_t>(i % 2)).push_back(i);
  point.keep(list);
  EXPECT_EQ(list[0].size(), 100'000u);
}

TEST(list_state, is_written_and_read_back) {
  texts from, to;
  for (int i = 0; i < 9; ++i) from.push_back(std::to_string(i));
  from.pop_front();
  writer w;
  codec<texts>::write(w, from);
  reader r{w.data()};
  codec<texts>::read(r, to, codec_version<texts>);
  EXPECT_FALSE(r.failed());
  EXPECT_EQ(contents(to), contents(from));
}

TEST(list_state, marks_within_its_elements_go_with_them) {
  list_state<map_state<int, int>> list;
  for (int i = 0; i < 4; ++i) list.push_back({});
  {
    undo_point<decltype(list)> outer(list);
    list.modify(2)[1] = 1;
    list.modify(3)[7] = 7;
    list.erase(0);
    list.insert(0, {});
    list.insert(0, {});
    list.erase(3);  // the one that has 1
    EXPECT_EQ(*list[3].find(7), 7);
    outer.keep(list);
  }
  // No mark is left in what stayed: nothing is noted, so an undo has nothing to take back.
  undo_point<decltype(list)> again(list);
  list.modify(3)[7] = 8;
  again.undo(list);
  EXPECT_EQ(*list[3].find(7), 7);
  EXPECT_EQ(list.size(), 4u);
}

}  // namespace
}  // namespace freshet
