// The comparison that the other tests here rely on: it must see every difference.
#include "conformance/expected_rows.hpp"

#include <gmock/gmock.h>

#include "conformance/parse.hpp"

namespace freshet::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct reading {
  std::string place;
  std::int64_t day = 0;
  double celsius = 0;
};
const answer readings{
    "readings", {"place", "day", "celsius"}, {{"a", "1", "20.5"}, {"a", "2", "21"}, {"b", "1", "-3"}}};

std::string complaint(const std::vector<reading>& got) {
  const auto verdict = same_rows(readings, got);
  return verdict ? "" : verdict.message();
}

TEST(expected_rows, are_compared_as_a_set) {
  EXPECT_EQ(complaint({{"b", 1, -3}, {"a", 2, 21}, {"a", 1, 20.5}}), "");
  EXPECT_EQ(complaint({{"b", 1, -3}, {"a", 2, 21 * (1 + 1e-10)}, {"a", 1, 20.5}}), "");
}

TEST(expected_rows, every_difference_is_named) {
  EXPECT_THAT(complaint({{"a", 1, 20.5}, {"b", 1, -3}}), HasSubstr("missing: a,2,21"));
  EXPECT_THAT(complaint({{"a", 1, 20.5}, {"a", 2, 21}, {"b", 1, -3}, {"c", 9, 0}}), HasSubstr("surplus: c,9,0"));
  EXPECT_THAT(complaint({{"a", 1, 20.5}, {"a", 2, 21}, {"a", 2, 21}, {"b", 1, -3}}), HasSubstr("surplus: a,2,21"));
  const auto wrong = complaint({{"a", 1, 20.5}, {"a", 2, 21 + 1e-6}, {"b", 1, -3}});
  EXPECT_THAT(wrong, HasSubstr("wanted : a,2,21\n"));
  EXPECT_THAT(wrong, HasSubstr("but got: a,2,21.000001"));
  EXPECT_THAT(complaint({}), HasSubstr("3 differences from readings.csv (3 rows, got 0)"));
}

TEST(expected_rows, surplus_may_be_allowed) {
  using all = std::vector<reading>;
  EXPECT_TRUE(no_row_missing(readings, all{{"a", 1, 20.5}, {"a", 2, 21}, {"a", 2, 21}, {"b", 1, -3}, {"c", 9, 0}}));
  EXPECT_FALSE(no_row_missing(readings, all{{"a", 1, 20.5}, {"a", 2, 21}, {"a", 2, 21}, {"c", 9, 0}}));
}

TEST(expected_rows, what_has_counted_twice_is_no_less) {
  const answer visits{"visits", {"day", "page", "visits", "delta"}, {{"1", "a", "5", "-2"}, {"2", "a", "3", "4"}}};
  using all = std::vector<std::tuple<int, std::string, int, int>>;
  const columns are{.keys = 2, .sums = 1};
  EXPECT_TRUE(no_row_missing(visits, all{{2, "a", 4, -9}, {1, "a", 5, -4}, {3, "b", 1, 0}}, are));
  EXPECT_FALSE(no_row_missing(visits, all{{2, "a", 2, 4}, {1, "a", 5, -2}}, are)) << "less";
  EXPECT_FALSE(no_row_missing(visits, all{{2, "a", 3, 4}, {1, "b", 5, -2}}, are)) << "another key";
  EXPECT_FALSE(no_row_missing(visits, all{{2, "a", 3, 3}, {1, "a", 5, -2}}, {.keys = 2})) << "less in the last column";
  EXPECT_FALSE(no_row_missing(visits, all{}, are));
}

TEST(expected_rows, another_number_of_columns_is_a_difference) {
  EXPECT_FALSE(same_rows(readings, std::vector<std::pair<std::string, int>>{{"a", 1}, {"a", 2}, {"b", 1}}));
}

TEST(expected_rows, a_missing_value_is_an_empty_field) {
  using quake = std::pair<event_time, std::optional<double>>;
  const answer quakes{"quakes", {"at_ms", "magnitude"}, {{"5", ""}, {"7", "2.50"}}};
  const event_time five{std::chrono::milliseconds{5}}, seven{std::chrono::milliseconds{7}};
  EXPECT_TRUE(same_rows(quakes, std::vector<quake>{{five, std::nullopt}, {seven, 2.5}}));
  EXPECT_FALSE(same_rows(quakes, std::vector<quake>{{five, 1.0}, {seven, 2.5}}));
}

TEST(parse, csv_with_quotes) {
  EXPECT_THAT(split_csv("a,,\"b,\"\"c\"\"\",d"), ElementsAre("a", "", "b,\"c\"", "d"));
  EXPECT_THAT(split_csv("\"\"\"a\"\"\",\"\","), ElementsAre("\"a\"", "", ""));
  EXPECT_THAT(split_csv(""), ElementsAre(""));
  EXPECT_THROW(split_csv("a,\"b"), std::invalid_argument);
}

TEST(parse, numbers_money_and_times) {
  EXPECT_EQ(number("-42"), -42);
  EXPECT_THROW(number("42 "), std::invalid_argument);
  EXPECT_EQ(fixed("-12.3", 2), -1230);
  EXPECT_EQ(fixed("7", 2), 700);
  EXPECT_EQ(fixed("0.070", 2), 7);
  EXPECT_THROW(fixed("0.071", 2), std::invalid_argument);
  EXPECT_EQ(utc_ms("1970-01-02 00:00:01"), 86'401'000);
  EXPECT_EQ(utc_ms("2000-03-01T00:00"), 951'868'800'000);
}

}  // namespace
}  // namespace freshet::conformance
