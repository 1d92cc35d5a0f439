#include "freshet/time/session_set.hpp"

#include <gtest/gtest.h>

#include "freshet/base/random.hpp"
#include "freshet/core/codec.hpp"

namespace freshet {
namespace {

using namespace std::chrono_literals;

constexpr event_time at(std::int64_t ms) { return event_time(event_span(ms)); }

using counts = session_set<int>;
static_assert(durable<counts>);

/// first, last, number of tuples
using row = std::tuple<event_time, event_time, int>;
std::vector<row> rows_of(const counts& s) {
  std::vector<row> rows;
  for (const auto& each : s.all()) rows.emplace_back(each.first, each.last, each.value);
  return rows;
}
void add(counts& s, event_span gap, event_time t) {
  ++s.join(
         sessions{gap}, t, [] { return 0; }, [](int& into, int from) { into += from; })
        .value;
}
std::vector<row> list(std::initializer_list<row> rows) { return rows; }

TEST(session_set, joins_up_to_the_gap) {
  counts s;
  add(s, 10ms, at(0));
  add(s, 10ms, at(10));  // exactly the gap
  EXPECT_EQ(rows_of(s), list({{at(0), at(10), 2}}));
  add(s, 10ms, at(21));
  add(s, 10ms, at(-10));
  add(s, 10ms, at(-21));
  EXPECT_EQ(rows_of(s), list({{at(-21), at(-21), 1}, {at(-10), at(10), 3}, {at(21), at(21), 1}}));
  add(s, 10ms, at(5));  // inside
  EXPECT_EQ(rows_of(s)[1], row(at(-10), at(10), 4));
}

TEST(session_set, a_late_tuple_bridges_two) {
  counts s;
  for (int t : {0, 20, 40}) add(s, 10ms, at(t));
  add(s, 10ms, at(10));
  EXPECT_EQ(rows_of(s), list({{at(0), at(20), 3}, {at(40), at(40), 1}}));
  add(s, 10ms, at(31));  // near the right one only
  EXPECT_EQ(rows_of(s), list({{at(0), at(20), 3}, {at(31), at(40), 2}}));
  add(s, 10ms, at(25));  // inside the gap of both
  EXPECT_EQ(rows_of(s), list({{at(0), at(40), 6}}));
}

TEST(session_set, gap_of_zero_and_of_all_time) {
  counts zero;
  for (int t : {5, 5, 6, 4}) add(zero, 0ms, at(t));
  EXPECT_EQ(rows_of(zero), list({{at(4), at(4), 1}, {at(5), at(5), 2}, {at(6), at(6), 1}}));
  EXPECT_EQ(window_of(sessions{0ms}, zero.all()[0]), (window{at(4), at(5)}));
  counts all;
  add(all, event_span::max(), at(0));
  add(all, event_span::max(), last_event_time);
  add(all, event_span::max(), first_event_time);
  EXPECT_EQ(rows_of(all), list({{first_event_time, last_event_time, 3}}));
  EXPECT_EQ(window_of(sessions{event_span::max()}, all.all()[0]).end, end_of_time);
}

TEST(session_set, distances_beyond_what_a_span_can_say) {
  counts s;
  add(s, 1h, first_event_time);
  add(s, 1h, last_event_time);
  EXPECT_EQ(s.all().size(), 2u);
}

TEST(session_set, lets_go_of_those_that_are_over) {
  counts s;
  const sessions w{10ms};
  EXPECT_EQ(s.next_end(w), std::nullopt);
  for (int t : {0, 20, 40}) add(s, 10ms, at(t));
  EXPECT_EQ(s.next_end(w), at(10));
  std::vector<event_time> gone;
  const auto note = [&](const session<int>& each) { gone.push_back(each.first); };
  s.take_closed(w, 5ms, at(14), note);
  EXPECT_TRUE(gone.empty());
  s.take_closed(w, 5ms, at(15), note);  // last + gap + allowed lateness <= watermark
  EXPECT_EQ(gone, std::vector{at(0)});
  EXPECT_EQ(s.next_end(w), at(30));
  s.take_closed(w, 5ms, end_of_time, note);
  EXPECT_EQ(gone, (std::vector{at(0), at(20), at(40)}));
  EXPECT_TRUE(s.empty());
}

TEST(session_set, several_tuples_bridge_any_number) {
  counts s;
  for (int t : {0, 20, 40, 60, 100}) add(s, 10ms, at(t));
  s.join(
       sessions{10ms}, at(30), at(55), [] { return 0; }, [](int& into, int from) { into += from; })
      .value += 5;
  EXPECT_EQ(rows_of(s), list({{at(0), at(0), 1}, {at(20), at(60), 8}, {at(100), at(100), 1}}));
  s.join(
       sessions{10ms}, at(75), at(80), [] { return 0; }, [](int& into, int from) { into += from; })
      .value += 2;
  EXPECT_EQ(s.all().size(), 4u);
}

TEST(session_set, forgets_one_and_finds_the_next_to_end) {
  counts s;
  const sessions w{10ms};
  for (int t : {0, 20, 40}) add(s, 10ms, at(t));
  EXPECT_EQ(s.next_end(w, at(10)), at(30));  // that of 10 has passed
  EXPECT_EQ(s.next_end(w, at(50)), std::nullopt);
  s.forget(s.all()[1]);
  s.modify(1).value = 7;
  EXPECT_EQ(rows_of(s), list({{at(0), at(0), 1}, {at(40), at(40), 7}}));
}

/// Sorts the times and cuts them at the gaps.
std::vector<row> by_definition(std::vector<std::int64_t> times, std::int64_t gap) {
  std::sort(times.begin(), times.end());
  std::vector<row> rows;
  for (const auto t : times) {
    if (rows.empty() || at(t) - std::get<1>(rows.back()) > event_span(gap)) rows.emplace_back(at(t), at(t), 0);
    std::get<1>(rows.back()) = at(t);
    ++std::get<2>(rows.back());
  }
  return rows;
}

TEST(session_set, does_not_depend_on_the_order_of_tuples) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    random_source random(seed);
    const auto gap = static_cast<std::int64_t>(random.below(8));
    std::vector<std::int64_t> times(random.below(40));
    for (auto& t : times) t = static_cast<std::int64_t>(random.below(150)) - 75;
    counts s;
    for (const auto t : times) add(s, event_span(gap), at(t));
    ASSERT_EQ(rows_of(s), by_definition(times, gap)) << "seed " << seed;
  }
}

TEST(session_set, merges_the_later_into_the_earlier) {
  session_set<std::string> s;
  const auto put = [&](int t, const char* c) {
    s.join(
         sessions{5ms}, at(t), [] { return std::string(); }, [](std::string& a, const std::string& b) { a += b; })
        .value += c;
  };
  put(10, "c");
  put(0, "a");
  put(5, "b");
  EXPECT_EQ(s.all().front().value, "acb");
}

TEST(session_set, is_written_and_read) {
  counts s, copy;
  for (int t : {0, 20, 40, 41}) add(s, 10ms, at(t));
  writer w;
  codec<counts>::write(w, s);
  reader r(w.data());
  add(copy, 10ms, at(999));
  codec<counts>::read(r, copy, 0);
  EXPECT_TRUE(!r.failed() && r.left() == 0);
  EXPECT_EQ(rows_of(copy), rows_of(s));
}

}  // namespace
}  // namespace freshet
