// Ratings of vendors: totals of each, and the pairs that the same people like.
#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/top_counts.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

class reviews : public shared_data {};

struct review {
  int reviewer = 0, vendor = 0;
  std::int64_t rating = 0, at_ms = 0;
};
std::optional<review> parse(const std::string& line) {
  const auto f = split_csv(line);
  if (f.at(0) == "reviewerId") return std::nullopt;
  return review{number<int>(f[0]), number<int>(f.at(1)), number(f.at(2)), utc_ms(f.at(3))};
}
stream<review> all_reviews(stream_builder& builder, std::size_t parallelism) {
  return builder.spout("lines", file::line_spout{data_file("ratings/anon_reviews_part1.csv")})
      .shuffle()
      .flat_map("parse", parse, {.parallelism = parallelism});
}

// --- totals ---

struct total {
  std::int64_t reviews = 0, rating_sum = 0;
  std::int64_t first_ms = std::numeric_limits<std::int64_t>::max(), last_ms = std::numeric_limits<std::int64_t>::min();
};
struct sum_up {
  void add(total& t, const review& r) const { merge(t, {1, r.rating, r.at_ms, r.at_ms}); }
  void merge(total& into, const total& from) const {
    into = {into.reviews + from.reviews, into.rating_sum + from.rating_sum, std::min(into.first_ms, from.first_ms),
            std::max(into.last_ms, from.last_ms)};
  }
};
query totals_query(const collect_sink<keyed<int, total>>& totals) {
  const auto build = [totals](std::size_t parallelism) {
    stream_builder builder("vendor totals");
    all_reviews(builder, parallelism)
        .key_by(&review::vendor)
        .aggregate("total", sum_up{}, {.parallelism = parallelism, .updates = updates::latest})
        .to("rows", totals, {.parallelism = parallelism});
    return builder.build();
  };
  return {.build = build, .may_throw = {"parse", "total"}};
}

TEST_F(reviews, totals_of_each_vendor) {
  collect_sink<keyed<int, total>> totals;
  on_both_engines(totals_query(totals),
                  [&] { EXPECT_TRUE(same_rows(read_answer("reviews__vendor_totals"), last_rows(totals.take()))); });
}

TEST_F(reviews, replays_lose_no_review) {
  const answer expected = read_answer("reviews__vendor_totals");
  collect_sink<keyed<int, total>> totals;
  with_replays(totals_query(totals), [&] {
    std::map<int, total> of_vendor;
    for (const auto& [vendor, t] : last_rows(totals.take())) of_vendor[vendor] = t;
    for (const auto& row : expected.rows) {
      const auto& t = of_vendor[number<int>(row[0])];
      EXPECT_GE(t.reviews, number(row[1])) << "vendor " << row[0];
      EXPECT_EQ(t.first_ms, number(row[3])) << "vendor " << row[0];  // a minimum can't change by repetition
      EXPECT_EQ(t.last_ms, number(row[4])) << "vendor " << row[0];
    }
  });
}

// --- pairs ---

using vendor_pair = std::pair<int, int>;

/// Pairs each vendor that a reviewer likes with those he has liked before; each pair once a reviewer.
struct pair_up {
  using state = std::vector<int>;
  void process(const review& r, state& liked, emitter<vendor_pair>& out) const {
    if (std::find(liked.begin(), liked.end(), r.vendor) != liked.end()) return;
    for (const int other : liked) out.emit(std::minmax({r.vendor, other}));
    liked.push_back(r.vendor);
  }
};

TEST_F(reviews, the_fifty_pairs_of_vendors_most_liked_together) {
  collect_sink<ranked<vendor_pair>> ranking;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("liked together");
    all_reviews(builder, parallelism)
        .filter("good ones", [](const review& r) { return r.rating >= 4; }, {.parallelism = parallelism})
        .key_by(&review::reviewer)
        .process("pair up", pair_up{}, {.parallelism = parallelism})
        .key_by(std::identity{})
        .count("count", {.parallelism = parallelism})
        .global()
        .process("rank", top_counts<vendor_pair>{50})
        .to("rows", ranking);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", "pair up", "count", "rank"}},
                  [&] { EXPECT_TRUE(same_rows(read_answer("reviews__top50_co_liked"), last_rows(ranking.take()))); });
}

}  // namespace
}  // namespace freshet::conformance
