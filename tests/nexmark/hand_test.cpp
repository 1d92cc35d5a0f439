#include "nexmark/hand.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>

#include "nexmark/hand_auctions.hpp"
#include "nexmark/hand_windows.hpp"
#include "nexmark/reference.hpp"

namespace freshet::nexmark {
namespace {

using std::chrono::milliseconds;

/// A stream, and how much of it.
struct scene {
  suite_options options;
  std::uint64_t first = 0;
  friend std::ostream& operator<<(std::ostream& out, const scene& s) {
    return out << "seed " << s.options.seed << ", " << s.options.events_per_second << " a second, out of order "
               << s.options.out_of_order.count() << " ms, from event " << s.first;
  }
};

/// The loops against the models, on the same events.
class nexmark_hand : public testing::TestWithParam<scene> {
 protected:
  static constexpr std::uint64_t count = 200'000;

  nexmark_hand() : source_(GetParam().options), events_(events_of(source_, first(), first() + count)) {}

  static std::uint64_t first() { return GetParam().first; }
  event_span bound() const { return source_.options().out_of_order + event_span{1}; }
  reference::time_rules rules() const { return {.bound = bound()}; }
  const std::vector<event>& events() const { return events_; }

  /// The rows that `loop(input, sink)` gives, sorted; of a table, the last ones.
  template <class Row, class Loop>
  std::vector<Row> rows_of(Loop&& loop) const {
    std::vector<Row> rows;
    loop(hand::input{source_, first(), first() + count, bound()}, [&rows](const Row& row) { rows.push_back(row); });
    if constexpr (table_row<Row>) return table_of(rows);
    std::sort(rows.begin(), rows.end());
    return rows;
  }
  template <class Row>
  static void expect_same(const std::vector<Row>& expected, const std::vector<Row>& found) {
    EXPECT_FALSE(expected.empty());
    ASSERT_EQ(expected.size(), found.size());
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(expected[i], found[i]) << "row " << i;
  }

 private:
  generator source_;
  std::vector<event> events_;
};

TEST_P(nexmark_hand, q0) {
  expect_same(reference::q0(events()), rows_of<q0_row>([](auto in, auto sink) { hand::q0(in, sink); }));
}
TEST_P(nexmark_hand, q1) {
  expect_same(reference::q1(events()), rows_of<q1_row>([](auto in, auto sink) { hand::q1(in, sink); }));
}
TEST_P(nexmark_hand, q2) {
  expect_same(reference::q2(events()), rows_of<q2_row>([](auto in, auto sink) { hand::q2(in, sink); }));
}
TEST_P(nexmark_hand, q3) {
  expect_same(reference::q3(events()), rows_of<q3_row>([](auto in, auto sink) { hand::q3(in, sink); }));
}
TEST_P(nexmark_hand, q4) {
  expect_same(reference::q4(events(), rules()), rows_of<q4_row>([](auto in, auto sink) { hand::q4(in, sink); }));
}
TEST_P(nexmark_hand, q5) {
  expect_same(reference::q5(events(), rules()), rows_of<q5_row>([](auto in, auto sink) { hand::q5(in, sink); }));
}
TEST_P(nexmark_hand, q6) {
  expect_same(reference::q6(events(), rules()), rows_of<q6_row>([](auto in, auto sink) { hand::q6(in, sink); }));
}
TEST_P(nexmark_hand, q7) {
  expect_same(reference::q7(events(), rules()), rows_of<q7_row>([](auto in, auto sink) { hand::q7(in, sink); }));
}
TEST_P(nexmark_hand, q8) {
  expect_same(reference::q8(events(), rules()), rows_of<q8_row>([](auto in, auto sink) { hand::q8(in, sink); }));
}

// Slow streams have many windows, fast ones many events in a millisecond.
INSTANTIATE_TEST_SUITE_P(in_order, nexmark_hand,
                         testing::Values(scene{{.seed = 1}}, scene{{.seed = 2, .events_per_second = 700}},
                                         scene{{.seed = 3, .events_per_second = 1'000'000}, 1'234'567}));
INSTANTIATE_TEST_SUITE_P(
    out_of_order, nexmark_hand,
    testing::Values(scene{{.seed = 4, .out_of_order = milliseconds{1}}},
                    scene{{.seed = 5, .events_per_second = 700, .out_of_order = milliseconds{3'999}}},
                    scene{{.seed = 6, .events_per_second = 50'000, .out_of_order = milliseconds{300}}, 987'654}));

TEST(nexmark_hand, q7_keeps_all_bids_with_the_highest_price) {
  hand::highest_bids highest;
  for (const std::uint64_t price : {5, 7, 6, 7}) highest.add({.auction = price, .price = price});
  EXPECT_EQ(highest.rows, (std::vector<q7_row>{{7, 0, 7, {}, {}}, {7, 0, 7, {}, {}}}));
}

TEST(nexmark_hand, an_empty_input_has_no_rows) {
  const generator source;
  const hand::input nothing{source, 0, 0};
  const auto sink = [](const auto& row) { ADD_FAILURE() << row; };
  hand::q3(nothing, sink);
  hand::q4(nothing, sink);
  hand::q5(nothing, sink);
  hand::q6(nothing, sink);
  hand::q7(nothing, sink);
  hand::q8(nothing, sink);
}

}  // namespace
}  // namespace freshet::nexmark
