// One person's payments by card: what was paid in thirty days, and cards that are used often within a day.
#include <chrono>
#include <deque>
#include <optional>

#include "conformance/expected_rows.hpp"
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

class card0_windows : public shared_data {};

/// The date in parts, as the file has it.
struct line {
  static constexpr std::string_view field_names[] = {"Card", "Year", "Month", "Day", "Time", "Amount", "Is Fraud?"};
  int card = 0, year = 0, month = 0, day = 0;
  std::string time, amount;
  bool fraud = false;
};
struct payment {
  int card = 0;
  event_time at{};
  std::int64_t cents = 0;
  bool fraud = false;
};
payment parse(const line& l) {
  return {l.card, event_time{utc_ms(l.year, l.month, l.day, l.time) * 1ms}, fixed(l.amount.substr(1), 2), l.fraud};
}
const std::string clock = "parse.event_time";

stream<payment> payments(stream_builder& builder) {
  return builder.spout("lines", file::csv_spout<line>{data_file("fraud/card_user0_by_time.csv")})
      .map("parse", parse)
      .event_time(&payment::at, ascending{});
}

using month = std::tuple<std::uint64_t, std::int64_t, std::int64_t, std::uint64_t>;  // payments, cents, most, frauds

TEST_F(card0_windows, thirty_days_of_each_card) {
  collect_sink<windowed<int, month>> months;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("months");
    payments(builder)
        .key_by(&payment::card)
        .window(tumbling{30 * 24h})
        .aggregate("months", all_of{count<payment>{}, sum{&payment::cents}, max{&payment::cents}, sum{&payment::fraud}},
                   {.parallelism = parallelism})
        .to("rows", months);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", clock, "months"}, .may_be_replayed = {"months"}}, [&] {
    EXPECT_TRUE(same_rows(read_answer("card0__tumble_30d_per_card"), by_start_and_key(months.take())));
  });
}

// --- often within a day ---

struct numbered {
  std::int64_t row = 0;
  payment paid;
};
struct number_rows {
  using state = std::int64_t;
  numbered process(const payment& p, state& next) const { return {next++, p}; }
};

struct often_used {
  std::int64_t row = 0;
  event_time at{};
  int card = 0;
  std::uint64_t payments = 0;
  std::int64_t cents = 0;
  bool fraud = false;
};
/// Keeps the payments of the last day, and a sum that follows them in and out. A timer takes them out in time also
/// where no other comes, so a card that isn't used has no state.
struct watch_day {
  struct state {
    std::deque<payment> day;
    std::int64_t cents = 0;
  };
  std::optional<often_used> process(const numbered& n, state& s, timers& t) const {
    forget_before(n.paid.at, s);
    s.day.push_back(n.paid);
    s.cents += n.paid.cents;
    t.at(n.paid.at + 24h);
    if (s.day.size() < 7) return std::nullopt;
    return often_used{n.row, n.paid.at, n.paid.card, s.day.size(), s.cents, n.paid.fraud};
  }
  /// Due when the watermark has come so far; tuples may have come further.
  void on_timer(const int&, event_time due, state& s) const { forget_before(due, s); }
  bool forgets(const state& s) const { return s.day.empty(); }

 private:
  static void forget_before(event_time now, state& s) {
    for (; !s.day.empty() && s.day.front().at <= now - 24h; s.day.pop_front()) s.cents -= s.day.front().cents;
  }
};

TEST_F(card0_windows, seven_payments_in_a_day) {
  collect_sink<often_used> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("often used");
    payments(builder)
        .global()
        .process("number", number_rows{})
        .key_by([](const numbered& n) { return n.paid.card; })
        .process("watch", watch_day{}, {.parallelism = parallelism})
        .to("rows", found);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", clock, "number", "watch"}},
                  [&] { EXPECT_TRUE(same_rows(read_answer("card0__velocity_24h_ge7"), found.take())); });
}

}  // namespace
}  // namespace freshet::conformance
