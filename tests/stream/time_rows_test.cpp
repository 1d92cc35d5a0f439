#include "freshet/stream/time_rows.hpp"

#include <gtest/gtest.h>

#include <string>

#include "freshet/base/random.hpp"

namespace freshet {
namespace {

constexpr event_time at(std::int64_t ms) { return event_time(event_time::duration(ms)); }

std::string values(const time_rows<std::string>& rows) {
  std::string s;
  for (const auto& r : rows) s += r.value;
  return s;
}

TEST(time_rows, stand_by_time_and_then_as_they_came) {
  time_rows<std::string> rows;
  for (auto [v, t] : {std::pair{"c", 5}, {"d", 5}, {"a", -3}, {"e", 9}, {"b", -3}}) rows.add({v, at(t), at(0)});
  EXPECT_EQ(values(rows), "abcde");
  EXPECT_EQ(rows.not_before(at(5))->value, "c");
  EXPECT_EQ(rows.not_before(at(6))->value, "e");
  EXPECT_EQ(rows.after(at(5))->value, "e");
  EXPECT_EQ(rows.after(at(-4))->value, "a");
  EXPECT_EQ(rows.after(at(9)), rows.end());
  EXPECT_EQ(rows.not_before(at(10)), rows.end());
}

TEST(time_rows, of_one_time_an_order_may_be_given) {
  time_rows<int> rows;
  const auto larger = [](const auto& fresh, const auto& old) { return fresh.value >= old.value; };
  for (int v : {3, 1, 2}) rows.add({v, at(7)}, larger);
  rows.add({9, at(6)}, larger);
  rows.add({0, at(8)}, larger);
  std::vector<int> all;
  for (const auto& r : rows) all.push_back(r.value);
  EXPECT_EQ(all, (std::vector<int>{9, 1, 2, 3, 0}));
}

TEST(time_rows, leave_at_the_front) {
  time_rows<std::string> rows;
  for (int i = 0; i < 6; ++i) rows.add({std::string(1, static_cast<char>('a' + i)), at(i)});
  rows.drop_before(rows.begin());
  EXPECT_EQ(values(rows), "abcdef");
  rows.drop_before(rows.not_before(at(2)));
  EXPECT_EQ(values(rows), "cdef");
  rows.add({"x", at(0)});
  EXPECT_EQ(values(rows), "xcdef");
  rows.drop_before(rows.end());
  EXPECT_TRUE(rows.empty());
  rows.add({"y", at(1)});
  EXPECT_EQ(rows.front().value, "y");
}

TEST(time_rows, what_is_written_is_read) {
  time_rows<std::string> rows, back;
  for (int i = 0; i < 9; ++i) rows.add({std::to_string(i), at(i % 4), at(i - 1), i % 2 == 0});
  rows.drop_before(rows.not_before(at(1)));
  writer w;
  codec<time_rows<std::string>>::write(w, rows);
  back.add({"old", at(0)});
  reader r(w.data());
  codec<time_rows<std::string>>::read(r, back, 1);
  ASSERT_FALSE(r.failed());
  EXPECT_EQ(values(back), values(rows));
  EXPECT_EQ(back.front().stamp, rows.front().stamp);
  EXPECT_EQ(back.front().marked, rows.front().marked);
  reader damaged(std::string_view(w.data()).substr(0, w.size() - 1));
  codec<time_rows<std::string>>::read(damaged, back, 1);
  EXPECT_TRUE(damaged.failed());
}

TEST(time_rows, agree_with_a_sorted_vector) {
  random_source random(5);
  time_rows<int> rows;
  std::vector<std::pair<event_time, int>> model;
  for (int i = 0; i < 5000; ++i) {
    if (random.chance(0.1)) {
      const auto t = at(static_cast<std::int64_t>(random.below(200)) + i / 20);
      rows.drop_before(rows.not_before(t));
      std::erase_if(model, [&](auto& m) { return m.first < t; });
    } else {
      const auto t = at(static_cast<std::int64_t>(random.below(300)) + i / 20);
      rows.add({i, t});
      model.insert(std::upper_bound(model.begin(), model.end(), t, [](auto x, auto& m) { return x < m.first; }),
                   {t, i});
    }
    ASSERT_EQ(rows.size(), model.size());
  }
  std::size_t i = 0;
  for (const auto& r : rows) ASSERT_EQ(r.value, model[i++].second);
}

}  // namespace
}  // namespace freshet
