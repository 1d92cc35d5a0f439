// One person's payments by card: what was paid, cards that are used often within a day, and suspicious payments.
#include <chrono>
#include <cmath>
#include <deque>
#include <optional>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/numbered_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/window_rows.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

using namespace std::chrono_literals;
using namespace aggregates;

class card0 : public shared_data {};

struct payment {
  std::int64_t row = 0;
  event_time at{};
  int card = 0;
  std::int64_t cents = 0;
  int mcc = 0;  // the merchant's category
  bool fraud = false;
};
payment parse(std::int64_t row, const std::string& line) {
  const auto f = split_csv(line);
  const auto at_ms = utc_ms(number<int>(f.at(2)), number<int>(f[3]), number<int>(f[4]), f[5]);
  const auto cents = fixed(f[6].substr(1), 2);  // behind "$"
  return {row, event_time{at_ms * 1ms}, number<int>(f[1]), cents, number<int>(f[12]), f.at(14) == "Yes"};
}
const std::string clock = "payments.event_time";

/// Times never go back, but repeat; what is ordered by them is in the order of the file.
stream<payment> payments(stream_builder& builder) {
  static const auto rows = numbered_rows("fraud/card_user0_by_time.csv", header::one_line, parse);
  return builder.spout("payments", rows).event_time(&payment::at, ascending{});
}

// --- totals ---

using total = std::tuple<std::uint64_t, std::int64_t>;                               // payments, cents
using month = std::tuple<std::uint64_t, std::int64_t, std::int64_t, std::uint64_t>;  // payments, cents, most, frauds

TEST_F(card0, totals_of_cards_and_of_merchant_categories) {
  collect_sink<windowed<int, month>> months;
  collect_sink<keyed<int, total>> totals;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("totals");
    const auto all = payments(builder);
    all.key_by(&payment::card)
        .window(tumbling{30 * 24h})
        .aggregate("months", all_of{count<payment>{}, sum{&payment::cents}, max{&payment::cents}, sum{&payment::fraud}},
                   {.parallelism = parallelism})
        .to("months.rows", months);
    all.key_by(&payment::mcc)
        .combine()
        .aggregate("categories", all_of{count<payment>{}, sum{&payment::cents}}, {.parallelism = parallelism})
        .to("categories.rows", totals, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "months", "categories"}}, [&](delivery how) {
    // Money may also be paid back.
    EXPECT_TRUE(
        as_promised(how, "card0__tumble_30d_per_card", by_start_and_key(months.take()), {.keys = 2, .sums = 1}));
    EXPECT_TRUE(as_promised(how, "card0__mcc_totals", last_rows(totals.take()), {.keys = 1, .sums = 1}));
  });
}

// --- often within a day ---

struct often_used {
  std::int64_t row = 0;
  event_time at{};
  int card = 0;
  std::uint64_t payments = 0;
  std::int64_t cents = 0;
  bool fraud = false;
};
/// Keeps the payments of the last day, and a sum that follows them in and out. A bolt of its own, as windows give one
/// result each and here each payment wants one, of the day that ends with it.
struct watch_day {
  struct state {
    std::deque<payment> day;
    std::int64_t cents = 0;
  };
  std::optional<often_used> process(const payment& p, state& s, timers& t) const {
    forget_before(p.at, s);
    s.day.push_back(p);
    s.cents += p.cents;
    t.at(p.at + 24h);
    if (s.day.size() < 7) return std::nullopt;
    return often_used{p.row, p.at, p.card, s.day.size(), s.cents, p.fraud};
  }
  /// A card that isn't used has no state.
  void on_timer(const int&, event_time due, state& s) const { forget_before(due, s); }
  bool forgets(const state& s) const { return s.day.empty(); }

 private:
  static void forget_before(event_time now, state& s) {
    for (; !s.day.empty() && s.day.front().at <= now - 24h; s.day.pop_front()) s.cents -= s.day.front().cents;
  }
};

TEST_F(card0, seven_payments_in_a_day) {
  collect_sink<often_used> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("often used");
    payments(builder)
        .key_by(&payment::card)
        .ordered()
        .process("watch", watch_day{}, {.parallelism = parallelism})
        .to("rows", found);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "watch"}},
                  [&](delivery how) { EXPECT_TRUE(as_promised(how, "card0__velocity_24h_ge7", found.take())); });
}

// --- far above what is usual for the card ---

struct outlier {
  std::int64_t row = 0;
  event_time at{};
  int card = 0;
  std::int64_t cents = 0;
  double z = 0;
  bool fraud = false;
};
/// From the thirty-first payment of a card on, judges each by those before it. A bolt of its own, as no window holds
/// all tuples but the last.
struct judge_by_deviation {
  using state = moments;
  std::optional<outlier> process(const payment& p, moments& before) const {
    const double dollars = static_cast<double>(p.cents) / 100;
    const double z = before.count < 30 ? 0 : (dollars - before.mean) / before.sample_deviation();
    before.add(dollars);
    if (z > 3) return outlier{p.row, p.at, p.card, p.cents, z, p.fraud};
    return std::nullopt;
  }
};

TEST_F(card0, payments_three_deviations_above_the_mean) {
  collect_sink<outlier> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("welford");
    payments(builder)
        .key_by(&payment::card)
        .ordered()
        .process("judge", judge_by_deviation{}, {.parallelism = parallelism})
        .to("rows", found);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "judge"}},
                  [&](delivery how) { EXPECT_TRUE(as_promised(how, "card0__welford_z_gt3", found.take())); });
}

// --- a small one, then a large one ---

struct small_then_large {
  std::int64_t row = 0;
  event_time at{};
  int card = 0;
  std::int64_t small_cents = 0, large_cents = 0;
  bool fraud = false;
};
small_then_large row_of_match(const matched<payment>& m) {
  const auto &small = m.tuples.at(0), &large = m.tuples.at(1);
  return {large.row, large.at, large.card, small.cents, large.cents, large.fraud};
}

TEST_F(card0, small_payments_directly_followed_by_large_ones) {
  collect_sink<small_then_large> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("small then large");
    const auto is_small = [](const payment& p) { return p.cents > 0 && p.cents < 500; };
    const auto is_large = [](const payment& p) { return p.cents >= 20'000; };
    payments(builder)
        .key_by(&payment::card)
        .ordered()
        .pattern("find", pattern{is_small}.next(is_large).within(24h), {.parallelism = parallelism})
        .map("row", row_of_match)
        .to("rows", found);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "find"}},
                  [&](delivery how) { EXPECT_TRUE(as_promised(how, "card0__small_then_large", found.take())); });
}

}  // namespace
}  // namespace freshet::conformance
