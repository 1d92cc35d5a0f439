#include "nexmark/reference.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <tuple>

#include "freshet/core/codec.hpp"
#include "freshet/core/value.hpp"
#include "nexmark/generator.hpp"

namespace freshet::nexmark::reference {
namespace {

// Rows can leave an engine as they are.
template <class... Row>
inline constexpr bool can_travel = (... && (stream_value<Row> && durable<Row>));
static_assert(can_travel<q0_row, q1_row, q2_row, q3_row, q4_row, q5_row, q6_row, q7_row, q8_row, q11_row, q12_row,
                         q17_row, q18_row, q19_row>);

constexpr event_time at(std::int64_t ms) { return event_time{event_span{ms}}; }

bid bid_for(std::uint64_t auction, std::uint64_t bidder, std::uint64_t price, std::int64_t ms) {
  return {.date_time = at(ms), .auction = auction, .bidder = bidder, .price = price};
}
auction sale_of(std::uint64_t id, std::uint64_t seller, std::uint64_t category, std::int64_t from, std::int64_t to) {
  return {.date_time = at(from), .expires = at(to), .id = id, .seller = seller, .category = category};
}
person somebody(std::uint64_t id, const char* name, const char* state, std::int64_t ms) {
  return {.date_time = at(ms), .id = id, .name = short_text<16>::of(name), .state = short_text<4>::of(state)};
}

TEST(nexmark_reference, q0_to_q2_take_bids_one_by_one) {
  const std::vector<event> events{bid_for(124, 1, 300, 0), somebody(1, "Kate Jones", "OR", 1),
                                  bid_for(123, 2, 1'000, 2)};
  EXPECT_EQ(q0(events), (std::vector<q0_row>{{123, 2, 1'000, at(2), {}}, {124, 1, 300, at(0), {}}}));
  EXPECT_EQ(q1(events), (std::vector<q1_row>{{123, 2, 908'000, at(2), {}}, {124, 1, 272'400, at(0), {}}}));
  EXPECT_EQ(q2(events), (std::vector<q2_row>{{123, 1'000}}));
}

TEST(nexmark_reference, q3_joins_whichever_comes_first) {
  const std::vector<event> events{sale_of(7, 1, 10, 0, 9), somebody(1, "Kate Jones", "OR", 1), sale_of(8, 1, 10, 2, 9),
                                  sale_of(9, 1, 11, 3, 9), somebody(2, "Paul White", "WA", 4), sale_of(5, 2, 10, 5, 9)};
  const auto kate = short_text<16>::of("Kate Jones");
  const auto oregon = short_text<4>::of("OR");
  EXPECT_EQ(q3(events), (std::vector<q3_row>{{kate, {}, oregon, 7}, {kate, {}, oregon, 8}}));
}

TEST(nexmark_reference, q4_averages_the_highest_bids_within_each_auction) {
  const std::vector<event> events{
      bid_for(1, 1, 900, 5),    // counts, though the auction isn't there yet
      bid_for(1, 1, 5'000, 4),  // before the auction
      sale_of(1, 1, 10, 5, 20), sale_of(2, 1, 10, 6, 20), sale_of(3, 2, 11, 6, 30),
      bid_for(2, 2, 300, 19),   bid_for(1, 1, 800, 19),   bid_for(2, 2, 7'000, 20),  // the auction is over
  };
  EXPECT_EQ(q4(events, {.bound = event_span{10}}), (std::vector<q4_row>{{10, 2, 600}}));
}

TEST(nexmark_reference, in_the_join_of_auctions_and_bids_what_is_on_the_watermark_is_late) {
  const std::vector<event> events{sale_of(1, 1, 10, 5, 100), bid_for(1, 1, 100, 10), bid_for(1, 1, 900, 8)};
  EXPECT_EQ(q4(events, {.bound = event_span{2}}), (std::vector<q4_row>{{10, 1, 100}}));
  EXPECT_EQ(q4(events, {.bound = event_span{3}}), (std::vector<q4_row>{{10, 1, 900}}));
  EXPECT_EQ(q4(events, {.bound = event_span{2}, .allowed_lateness = event_span{1}}),
            (std::vector<q4_row>{{10, 1, 900}}));
}

TEST(nexmark_reference, q5_counts_in_windows_that_overlap) {
  const std::vector<event> events{bid_for(1, 1, 1, 9'000), bid_for(1, 1, 1, 9'500), bid_for(2, 1, 1, 11'000)};
  std::vector<q5_row> expected;
  for (std::int64_t start = 0; start <= 8'000; start += 2'000) expected.push_back({at(start), 1, 2});
  expected.push_back({at(10'000), 2, 1});
  EXPECT_EQ(q5(events, {}), expected);
}

TEST(nexmark_reference, q5_gives_all_auctions_with_the_most_bids) {
  const std::vector<event> events{bid_for(2, 1, 1, 0), bid_for(1, 1, 1, 1'000)};
  const auto rows = q5(events, {});
  ASSERT_EQ(rows.size(), 10u);
  EXPECT_EQ(rows[0], (q5_row{at(-8'000), 1, 1}));
  EXPECT_EQ(rows[1], (q5_row{at(-8'000), 2, 1}));
}

TEST(nexmark_reference, q5_counts_a_bid_in_the_windows_it_is_not_late_for) {
  // The watermark is at 12,000: the window from 2,000 on is over, the next one isn't.
  const std::vector<event> events{bid_for(1, 1, 1, 12'000), bid_for(2, 1, 1, 9'000)};
  for (const auto& row : q5(events, {}))
    if (row.auction == 2) {
      EXPECT_GE(row.window_start, at(4'000));
      EXPECT_LE(row.window_start, at(8'000));
    }
  EXPECT_EQ(q5(events, {}).size(), 8u);
  EXPECT_EQ(q5(events, {.partitions = 2}).size(), 10u);  // the second partition has seen nothing before
}

TEST(nexmark_reference, q6_averages_the_last_ten_sales_by_when_they_close) {
  std::vector<event> events;
  for (std::uint64_t id = 0; id < 12; ++id) {
    const auto expires = 1'000 - static_cast<std::int64_t>(id);  // the first one closes last
    events.push_back(sale_of(id, 5, 10, 0, expires));
    events.push_back(bid_for(id, 1, 100 * (id + 1), 1));
  }
  EXPECT_EQ(q6(events, {.bound = event_span{5}}), (std::vector<q6_row>{{5, 550}}));
}

TEST(nexmark_reference, q7_gives_every_bid_with_the_highest_price_of_a_window) {
  const std::vector<event> events{bid_for(1, 1, 50, 0), bid_for(2, 2, 70, 9'999), bid_for(3, 3, 70, 5'000),
                                  bid_for(4, 4, 10, 10'000), bid_for(5, 5, 99, 9'000)};
  EXPECT_EQ(q7(events, {}),
            (std::vector<q7_row>{{2, 2, 70, at(9'999), {}}, {3, 3, 70, at(5'000), {}}, {4, 4, 10, at(10'000), {}}}));
  EXPECT_EQ(q7(events, {.allowed_lateness = event_span{1}}),
            (std::vector<q7_row>{{4, 4, 10, at(10'000), {}}, {5, 5, 99, at(9'000), {}}}));
}

TEST(nexmark_reference, q8_wants_person_and_auction_in_one_window) {
  const std::vector<event> events{sale_of(1, 1, 10, 0, 9), sale_of(2, 1, 10, 1, 9), somebody(1, "Kate", "OR", 9'999),
                                  somebody(2, "Paul", "WA", 9'999), sale_of(3, 2, 10, 10'000, 10'009)};
  EXPECT_EQ(q8(events, {}), (std::vector<q8_row>{{1, short_text<16>::of("Kate"), at(0)}}));
}

TEST(nexmark_reference, q11_parts_sessions_by_more_than_the_gap) {
  const std::vector<event> events{bid_for(1, 1, 1, 0), bid_for(2, 1, 1, 10'000), bid_for(3, 1, 1, 20'001),
                                  bid_for(3, 2, 1, 20'002)};
  EXPECT_EQ(q11(events, {}),
            (std::vector<q11_row>{
                {1, 1, at(20'001), at(30'001)}, {1, 2, at(0), at(20'000)}, {2, 1, at(20'002), at(30'002)}}));
}

TEST(nexmark_reference, q11_judges_a_bid_by_its_own_time) {
  const std::vector<event> events{bid_for(1, 1, 1, 100), bid_for(1, 1, 1, 100)};
  EXPECT_EQ(q11(events, {}).front().bids, 1u);
  EXPECT_EQ(q11(events, {.bound = event_span{1}}).front().bids, 2u);
}

TEST(nexmark_reference, q12_counts_by_bidder_and_window) {
  const std::vector<event> events{bid_for(1, 1, 1, 0), bid_for(2, 1, 1, 9'999), bid_for(3, 1, 1, 10'000),
                                  bid_for(3, 2, 1, 10'000), bid_for(3, 1, 1, 9'999)};
  EXPECT_EQ(q12(events, {}), (std::vector<q12_row>{{1, 1, at(10'000)}, {1, 2, at(0)}, {2, 1, at(10'000)}}));
}

TEST(nexmark_reference, q17_divides_the_bids_of_a_day_by_price) {
  const std::int64_t day = 24 * 60 * 60 * 1'000;
  const std::vector<event> events{bid_for(1, 1, 9'999, 5), bid_for(1, 1, 10'000, 6), bid_for(1, 1, 1'000'000, day - 1),
                                  bid_for(1, 1, 7, day)};
  EXPECT_EQ(q17(events), (std::vector<q17_row>{{1, at(0), 3, 1, 1, 1, 9'999, 1'000'000, 339'999, 1'019'999},
                                               {1, at(day), 1, 1, 0, 0, 7, 7, 7, 7}}));
}

TEST(nexmark_reference, q18_keeps_the_last_bid_by_time_then_price) {
  const std::vector<event> events{bid_for(1, 1, 50, 10), bid_for(1, 1, 40, 10), bid_for(1, 1, 99, 9),
                                  bid_for(2, 1, 1, 0)};
  EXPECT_EQ(q18(events), (std::vector<q18_row>{{1, 1, 50, 0, at(10), {}}, {2, 1, 1, 0, at(0), {}}}));
}

TEST(nexmark_reference, q19_ranks_by_price_then_earliness) {
  std::vector<event> events;
  for (std::uint64_t i = 0; i < 11; ++i) events.push_back(bid_for(1, i, 100 + i / 2, static_cast<std::int64_t>(i)));
  const auto rows = q19(events);
  ASSERT_EQ(rows.size(), 10u);
  EXPECT_EQ(rows[0], (q19_row{1, 1, 10, 105, 0, at(10), {}}));
  EXPECT_EQ(rows[1], (q19_row{1, 2, 8, 104, 0, at(8), {}}));
  EXPECT_EQ(rows[9], (q19_row{1, 10, 0, 100, 0, at(0), {}}));
}

TEST(nexmark_reference, order_within_the_bound_changes_no_answer) {
  const generator source{{.out_of_order = event_span{700}}};
  const time_rules rules{.bound = event_span{701}};
  const auto answers = [&rules](const std::vector<event>& e) {
    return std::tuple{q3(e),         q4(e, rules),  q5(e, rules), q6(e, rules), q7(e, rules), q8(e, rules),
                      q11(e, rules), q12(e, rules), q17(e),       q18(e),       q19(e)};
  };
  auto events = events_of(source, 0, 50'000);
  const auto before = answers(events);
  std::stable_sort(events.begin(), events.end(),
                   [](const event& a, const event& b) { return time_of(a) < time_of(b); });
  EXPECT_TRUE(before == answers(events));
  // Nor does the number of partitions.
  EXPECT_EQ(q11(events, rules), q11(events, {.bound = event_span{701}, .partitions = 7}));
}

TEST(nexmark_rows, print_and_the_last_of_a_key_stays) {
  std::ostringstream text;
  text << q8_row{7, short_text<16>::of("Kate"), at(10'000)} << ' ' << q2_row{123, 5};
  EXPECT_EQ(text.str(), "q8{7, Kate, 10000} q2{123, 5}");
  EXPECT_EQ(table_of(std::vector<q6_row>{{2, 10}, {1, 5}, {2, 11}}), (std::vector<q6_row>{{1, 5}, {2, 11}}));
}

}  // namespace
}  // namespace freshet::nexmark::reference
