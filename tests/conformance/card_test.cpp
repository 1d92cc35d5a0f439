// One person's payments by card: totals, and two rules that find suspicious ones.
#include <cmath>
#include <optional>
#include <utility>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/number_lines.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

class card0 : public shared_data {};

struct payment {
  std::int64_t row = 0;
  int card = 0;
  std::int64_t at_ms = 0, cents = 0;
  int mcc = 0;  // the merchant's category
  bool fraud = false;
};
std::optional<payment> parse(const numbered_line& line) {
  if (line.number == 0) return std::nullopt;  // the header
  const auto f = split_csv(line.text);
  return payment{.row = line.number - 1,
                 .card = number<int>(f.at(1)),
                 .at_ms = utc_ms(number<int>(f[2]), number<int>(f[3]), number<int>(f[4]), f[5]),
                 .cents = fixed(f[6].substr(1), 2),  // behind "$"
                 .mcc = number<int>(f[12]),
                 .fraud = f.at(14) == "Yes"};
}

/// The payments in the order of the file.
stream<payment> payments(stream_builder& builder) {
  return builder.spout("lines", file::line_spout{data_file("fraud/card_user0_by_time.csv")})
      .global()
      .process("number", number_lines{})
      .flat_map("parse", parse);
}

// --- totals ---

struct total {
  std::uint64_t payments = 0;
  std::int64_t cents = 0;
};
struct sum {
  void add(total& t, const payment& p) const {
    ++t.payments;
    t.cents += p.cents;
  }
  void merge(total& into, const total& from) const {
    into.payments += from.payments;
    into.cents += from.cents;
  }
};

TEST_F(card0, totals_of_each_merchant_category) {
  collect_sink<keyed<int, total>> totals;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("mcc totals");
    payments(builder)
        .key_by(&payment::mcc)
        .aggregate("total", sum{}, {.parallelism = parallelism, .updates = updates::latest})
        .to("rows", totals, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"number", "parse", "total"}},
                  [&] { EXPECT_TRUE(same_rows(read_answer("card0__mcc_totals"), last_rows(totals.take()))); });
}

// --- far above what is usual for the card ---

struct outlier {
  std::int64_t row = 0, at_ms = 0;
  int card = 0;
  std::int64_t cents = 0;
  double z = 0;
  bool fraud = false;
};
/// Mean and deviation of all earlier payments of a card by Welford's method; from the thirty-first on it judges.
struct judge_by_deviation {
  struct state {
    std::int64_t n = 0;
    double mean = 0, squares = 0;
  };
  std::optional<outlier> process(const payment& p, state& s) const {
    const double dollars = static_cast<double>(p.cents) / 100;
    const double deviation = s.n >= 30 ? std::sqrt(s.squares / static_cast<double>(s.n - 1)) : 0;
    const double z = deviation > 0 ? (dollars - s.mean) / deviation : 0;
    const double distance = dollars - s.mean;
    s.mean += distance / static_cast<double>(++s.n);
    s.squares += distance * (dollars - s.mean);
    if (z > 3) return outlier{p.row, p.at_ms, p.card, p.cents, z, p.fraud};
    return std::nullopt;
  }
};

TEST_F(card0, payments_three_deviations_above_the_mean) {
  collect_sink<outlier> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("welford");
    payments(builder)
        .key_by(&payment::card)
        .process("judge", judge_by_deviation{}, {.parallelism = parallelism})
        .to("rows", found, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"number", "parse", "judge"}},
                  [&] { EXPECT_TRUE(same_rows(read_answer("card0__welford_z_gt3"), found.take())); });
}

// --- a small one, then a large one ---

struct small_then_large {
  std::int64_t row = 0, at_ms = 0;
  int card = 0;
  std::int64_t small_cents = 0, large_cents = 0;
  bool fraud = false;
};
/// Remembers the payment directly before, where that was a small one.
struct compare_with_previous {
  struct small {
    std::int64_t at_ms = 0, cents = 0;
  };
  using state = std::optional<small>;
  std::optional<small_then_large> process(const payment& p, state& previous) const {
    constexpr std::int64_t day_ms = 24 * 3600 * 1000;
    const auto before = std::exchange(previous, std::nullopt);
    if (p.cents > 0 && p.cents < 500) previous = small{p.at_ms, p.cents};
    if (before && p.cents >= 20'000 && p.at_ms - before->at_ms <= day_ms)
      return small_then_large{p.row, p.at_ms, p.card, before->cents, p.cents, p.fraud};
    return std::nullopt;
  }
};

TEST_F(card0, small_payments_directly_followed_by_large_ones) {
  collect_sink<small_then_large> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("small then large");
    payments(builder)
        .key_by(&payment::card)
        .process("compare", compare_with_previous{}, {.parallelism = parallelism})
        .to("rows", found, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"number", "parse", "compare"}},
                  [&] { EXPECT_TRUE(same_rows(read_answer("card0__small_then_large"), found.take())); });
}

}  // namespace
}  // namespace freshet::conformance
