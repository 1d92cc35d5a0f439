// Reviews of two years in hardly any order: what is said of vendors, which of them the same people like, and what is
// late.
#include <chrono>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/late_counts.hpp"
#include "conformance/numbered_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
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

class reviews : public shared_data {};

struct review {
  static constexpr std::string_view field_names[] = {"reviewerId", "vendorId", "rating", "date"};
  int reviewer = 0, vendor = 0;
  std::int64_t rating = 0;
  event_time at{};
};
constexpr event_span day = 24h;

/// None is late.
stream<review> all_reviews(stream_builder& builder) {
  return builder.spout("reviews", file::csv_spout<review>{data_file("ratings/anon_reviews_part1.csv")})
      .event_time(&review::at, {.bound = 850 * day});
}
const std::string clock = "reviews.event_time";

// --- what is said of vendors ---

using total = std::tuple<std::uint64_t, std::int64_t, event_time, event_time>;  // reviews, ratings, first, last
using review_count = windowed<int, std::uint64_t>;

TEST_F(reviews, totals_of_each_vendor_and_the_ten_most_reviewed_of_thirty_days) {
  collect_sink<keyed<int, total>> totals;
  collect_sink<windowed<whole_stream, std::vector<review_count>>> top;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("vendors");
    const auto by_vendor = all_reviews(builder).key_by(&review::vendor);
    by_vendor.combine()
        .aggregate("total", all_of{count<review>{}, sum{&review::rating}, min{&review::at}, max{&review::at}},
                   {.parallelism = parallelism})
        .to("total.rows", totals, {.parallelism = parallelism});
    by_vendor.window(tumbling{30 * day})
        .count("count", {.parallelism = parallelism})
        .window(tumbling{30 * day})
        .top_n("top", 10, by_value<int, std::uint64_t>)
        .to("top.rows", top);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "total", "count", "top"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "reviews__vendor_totals", last_rows(totals.take()), {.keys = 1}));
    const auto best = by_rank(top.take());
    EXPECT_TRUE(as_promised(how, "reviews__top10_vendors_30d", best, {.keys = 2, .sums = 0}));
  });
}

// --- pairs ---

using vendor_pair = std::pair<int, int>;
using liked = windowed<int, std::vector<int>>;
using pair_count = windowed<vendor_pair, std::uint64_t>;

std::vector<vendor_pair> pairs_of(const liked& by_reviewer) {
  const std::set<int> vendors(by_reviewer.value.begin(), by_reviewer.value.end());
  std::vector<vendor_pair> pairs;
  for (auto a = vendors.begin(); a != vendors.end(); ++a)
    for (auto b = std::next(a); b != vendors.end(); ++b) pairs.emplace_back(*a, *b);
  return pairs;
}

TEST_F(reviews, the_fifty_pairs_of_vendors_most_liked_together) {
  collect_sink<windowed<whole_stream, std::vector<pair_count>>> top;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("liked together");
    all_reviews(builder)
        .filter("good ones", [](const review& r) { return r.rating >= 4; })
        .key_by(&review::reviewer)
        .window(global_windows{})
        .aggregate("liked", collect{&review::vendor}, {.parallelism = parallelism})
        .flat_map("pairs", pairs_of, {.parallelism = parallelism})
        .key_by(std::identity{})
        .window(global_windows{})
        .count("count", {.parallelism = parallelism})
        .window(global_windows{})
        .top_n("top", 50, by_value<vendor_pair, std::uint64_t>)
        .to("rows", top);
    return builder.build();
  };
  on_both_engines(
      {.build = build, .may_throw = {clock, "good ones", "liked", "pairs", "count", "top"}},
      [&](delivery how) { EXPECT_TRUE(as_promised(how, "reviews__top50_co_liked", by_rank_alone(top.take()))); });
}

// --- what is late ---

TEST_F(reviews, what_is_late) {
  late_counts<review, int> late({day}, {0 * day, 1 * day, 7 * day, 30 * day, 400 * day});
  const auto parse = [](std::int64_t, const std::string& line) {
    const auto f = split_csv(line);
    return review{number<int>(f.at(0)), number<int>(f.at(1)), number(f.at(2)), event_time{utc_ms(f.at(3)) * 1ms}};
  };
  const auto rows = numbered_rows("ratings/anon_reviews_part1.csv", header::one_line, parse);
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("late reviews");
    late.count(builder, rows, &review::at, &review::vendor, parallelism);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = late.may_throw()}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "reviews__watermark_drops", late.take(), late.are));
  });
}

}  // namespace
}  // namespace freshet::conformance
