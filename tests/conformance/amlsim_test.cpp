// Simulated transfers between accounts, whose event time is the number of a step: what ten steps move, accounts that
// many pay into, and money that comes back soon.
#include <chrono>
#include <optional>
#include <utility>

#include "conformance/expected_rows.hpp"
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

class amlsim : public shared_data {};

struct transfer {
  std::int64_t row = 0;
  int from = 0, to = 0;
  std::int64_t cents = 0;
  event_time step{};  // a step is a millisecond
};
transfer parse(std::int64_t row, const std::string& line) {
  const auto f = split_csv(line);
  return {row, number<int>(f.at(0)), number<int>(f.at(1)), fixed(f.at(2), 2), event_time{number(f.at(3)) * 1ms}};
}
const std::string clock = "transfers.event_time";

stream<transfer> transfers(stream_builder& builder) {
  static const auto rows = numbered_rows("fraud/amlsim_cycle200_transactions.csv", header::one_line, parse);
  return builder.spout("transfers", rows).event_time(&transfer::step, ascending{});
}

// --- all accounts ---

using ten_steps = std::tuple<std::uint64_t, std::int64_t, std::uint64_t, std::uint64_t>;  // transfers, cents, accounts

TEST_F(amlsim, ten_steps_together) {
  collect_sink<windowed<whole_stream, ten_steps>> steps;
  const auto build = [&](std::size_t) {
    stream_builder builder("ten steps");
    transfers(builder)
        .window(tumbling{10ms})
        .aggregate("steps",
                   all_of{count<transfer>{}, sum{&transfer::cents}, distinct{&transfer::from}, distinct{&transfer::to}})
        .to("rows", steps);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "steps"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "amlsim__tumble_10steps", by_start(steps.take())));
  });
}

// --- accounts that many pay into, and whether they are known to be fraudulent ---

using received = windowed<int, std::tuple<std::uint64_t, std::uint64_t, std::int64_t>>;  // senders, transfers, cents
struct account {
  int id = 0;
  bool fraud = false;
};
struct fan_in {
  event_time step{};
  int receiver = 0;
  std::uint64_t senders = 0, transfers = 0;
  std::int64_t cents = 0;
  bool fraud = false;
};
fan_in with_account(const received& w, const account& a) {
  const auto& [senders, transfers, cents] = w.value;
  return {w.window.start, w.key, senders, transfers, cents, a.fraud};
}

TEST_F(amlsim, accounts_that_a_dozen_pay_into) {
  collect_sink<fan_in> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("fan in");
    const file::csv_spout<account> known{data_file("fraud/amlsim_cycle200_nodes.csv"),
                                         {.columns = {"nodeid", "isFraud"}}};
    const auto before_all = [](const account&) { return event_time{}; };
    const auto accounts = builder.spout("accounts", known).event_time(before_all, ascending{});
    transfers(builder)
        .key_by(&transfer::to)
        .window(tumbling{10ms})
        .aggregate("received", all_of{distinct{&transfer::from}, count<transfer>{}, sum{&transfer::cents}},
                   {.parallelism = parallelism})
        .filter("a dozen", [](const received& w) { return std::get<0>(w.value) >= 12; }, {.parallelism = parallelism})
        .key_by(&received::key)
        .join_table("look up", accounts.key_by(&account::id), with_account, {.parallelism = parallelism})
        .to("rows", found);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"accounts.event_time", clock, "received", "a dozen", "look up"}},
                  [&](delivery how) { EXPECT_TRUE(as_promised(how, "amlsim__fan_in_ge12", found.take())); });
}

// --- money that comes back ---

struct back_and_forth {
  std::int64_t first_row = 0, second_row = 0;
  int a = 0, b = 0;
  event_time first_step{}, second_step{};
  std::int64_t first_cents = 0, second_cents = 0;
};
/// Within a step the order of the file counts.
std::optional<back_and_forth> answered(const transfer& first, const transfer& second) {
  if (second.row <= first.row) return std::nullopt;
  return back_and_forth{first.row,  second.row,  first.from,  first.to,
                        first.step, second.step, first.cents, second.cents};
}

TEST_F(amlsim, money_that_comes_back_within_five_steps) {
  collect_sink<back_and_forth> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("back and forth");
    const auto all = transfers(builder);
    const auto forth = all.key_by([](const transfer& t) { return std::pair(t.from, t.to); });
    const auto back = all.key_by([](const transfer& t) { return std::pair(t.to, t.from); });
    forth.interval_join("find", back, between{0ms, 5ms}, answered, {.parallelism = parallelism}).to("rows", found);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "find"}},
                  [&](delivery how) { EXPECT_TRUE(as_promised(how, "amlsim__back_and_forth_5steps", found.take())); });
}

}  // namespace
}  // namespace freshet::conformance
