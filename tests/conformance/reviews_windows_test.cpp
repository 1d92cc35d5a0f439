// Reviews of two years in hardly any order: the vendors that most is said of, and what is late.
#include <chrono>

#include "conformance/expected_rows.hpp"
#include "conformance/late_counts.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/window_rows.hpp"
#include "freshet/connect/file/csv_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

using namespace std::chrono_literals;
using namespace aggregates;

class reviews_windows : public shared_data {};

struct review {
  static constexpr std::string_view field_names[] = {"vendorId", "date"};
  int vendor = 0;
  event_time at{};
};
constexpr event_span day = 24h;

const std::string clock = "reviews.event_time";

stream<review> reviews(stream_builder& builder, event_span bound) {
  return builder.spout("reviews", file::csv_spout<review>{data_file("ratings/anon_reviews_part1.csv")})
      .event_time(&review::at, {.bound = bound});
}

using review_count = windowed<int, std::uint64_t>;

TEST_F(reviews_windows, the_ten_most_reviewed_vendors_of_thirty_days) {
  collect_sink<windowed<int, std::vector<review_count>>> top;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("most reviewed");
    reviews(builder, 850 * day)
        .key_by(&review::vendor)
        .window(tumbling{30 * day})
        .count("count", {.parallelism = parallelism})
        .key_by(everything<review_count>)
        .window(tumbling{30 * day})
        .aggregate("top", top_k{10, by_value<int, std::uint64_t>})
        .to("rows", top);
    return builder.build();
  };
  on_both_engines(
      {.build = build, .may_throw = {clock, "count", "top"}, .may_be_replayed = {"count", "top"}, .in_brief = true},
      [&] { EXPECT_TRUE(same_rows(read_answer("reviews__top10_vendors_30d"), by_rank(top.take()))); });
}

class reviews_bound : public reviews_windows, public ::testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(, reviews_bound, ::testing::Values(0, 1, 7, 30, 400),
                         [](const auto& bound) { return std::to_string(bound.param) + "d"; });

TEST_P(reviews_bound, finds_what_is_late) {
  const event_span bound = GetParam() * day;
  late_counts<review, int> days(day);
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("late reviews");
    days.count(reviews(builder, bound), &review::vendor, "days", parallelism);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "days"}, .in_brief = true}, [&] {
    const std::vector<row> found{days.take(bound)};
    EXPECT_TRUE(same_rows(of_bound(read_answer("reviews__watermark_drops"), bound), found));
  });
}

}  // namespace
}  // namespace freshet::conformance
