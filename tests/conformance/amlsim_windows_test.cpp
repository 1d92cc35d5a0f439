// Simulated transfers between accounts, whose event time is the number of a step: what ten steps move, and accounts
// that many pay into.
#include <chrono>
#include <map>
#include <optional>
#include <utility>
#include <vector>

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

class amlsim_windows : public shared_data {};

/// Money as the file has it, "147.8", exactly.
struct cents {
  std::int64_t value = 0;
  friend bool freshet_from_text(std::string_view text, cents& c) {
    c.value = fixed(text, 2);
    return true;
  }
};
struct transfer {
  int from = 0, to = 0;
  cents amount;
  event_time step{};
};
std::int64_t cents_of(const transfer& t) { return t.amount.value; }

const std::string clock = "transfers.event_time";

/// A step is a millisecond.
stream<transfer> transfers(stream_builder& builder) {
  const file::csv_options options{.columns = {"sourceNodeId", "targetNodeId", "value", "time"}, .times = {"%Q"}};
  return builder
      .spout("transfers", file::csv_spout<transfer>{data_file("fraud/amlsim_cycle200_transactions.csv"), options})
      .event_time(&transfer::step, ascending{});
}

// --- all accounts ---

using of_account = windowed<int, std::tuple<std::uint64_t, std::int64_t>>;  // transfers, cents
using ten_steps = std::tuple<std::uint64_t, std::int64_t, std::uint64_t>;   // transfers, cents, accounts

std::uint64_t transfers_of(const of_account& w) { return std::get<0>(w.value); }
std::int64_t money_of(const of_account& w) { return std::get<1>(w.value); }

/// By account first, so that their windows are shared by the tasks: an account that has one is a different one.
template <class Key>
void count_steps(const stream<transfer>& all, Key account, const std::string& name, std::size_t parallelism,
                 const collect_sink<windowed<int, ten_steps>>& rows) {
  all.key_by(account)
      .window(tumbling{10ms})
      .aggregate(name, all_of{count<transfer>{}, sum{cents_of}}, {.parallelism = parallelism})
      .key_by(everything<of_account>)
      .window(tumbling{10ms})
      .aggregate(name + ".together", all_of{sum{transfers_of}, sum{money_of}, count<of_account>{}})
      .to(name + ".rows", rows);
}

TEST_F(amlsim_windows, ten_steps_together) {
  collect_sink<windowed<int, ten_steps>> senders, receivers;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("ten steps");
    const auto all = transfers(builder);
    count_steps(all, &transfer::from, "senders", parallelism, senders);
    count_steps(all, &transfer::to, "receivers", parallelism, receivers);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "senders", "receivers"}, .in_brief = true}, [&] {
    std::map<event_time, row> rows;
    for (const auto& w : senders.take()) rows[w.window.start] = detail::row_of(w.window.start, w.value);
    for (const auto& w : receivers.take()) append_cells(rows[w.window.start], std::get<2>(w.value));
    std::vector<row> all;
    for (const auto& each : rows) all.push_back(each.second);
    EXPECT_TRUE(same_rows(read_answer("amlsim__tumble_10steps"), all));
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
/// Joins windows with what is known of their account, whichever comes first.
struct look_up_account {
  struct state {
    std::optional<bool> fraud;
    std::vector<received> waiting;
  };
  using output = emitter<fan_in>;
  void on_account(const account& a, state& s, emitter<fan_in>& out) const {
    s.fraud = a.fraud;
    for (const auto& w : std::exchange(s.waiting, {})) emit(w, a.fraud, out);
  }
  void on_window(const received& w, state& s, emitter<fan_in>& out) const {
    if (s.fraud) emit(w, *s.fraud, out);
    else s.waiting.push_back(w);
  }

 private:
  static void emit(const received& w, bool fraud, emitter<fan_in>& out) {
    const auto& [senders, transfers, cents] = w.value;
    out.emit({w.window.start, w.key, senders, transfers, cents, fraud});
  }
};

TEST_F(amlsim_windows, accounts_that_a_dozen_pay_into) {
  collect_sink<fan_in> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("fan in");
    const auto many = transfers(builder)
                          .key_by(&transfer::to)
                          .window(tumbling{10ms})
                          .aggregate("received", all_of{distinct{&transfer::from}, count<transfer>{}, sum{cents_of}},
                                     {.parallelism = parallelism})
                          .filter("a dozen", [](const received& w) { return std::get<0>(w.value) >= 12; },
                                  {.parallelism = parallelism});
    const auto accounts = builder.spout(
        "accounts",
        file::csv_spout<account>{data_file("fraud/amlsim_cycle200_nodes.csv"), {.columns = {"nodeid", "isFraud"}}});
    const auto joined = builder.bolt("look up", look_up_account{}, {.parallelism = parallelism})
                            .input<&look_up_account::on_window>(many, key_grouping{&received::key})
                            .input<&look_up_account::on_account>(accounts, key_grouping{&account::id});
    stream{joined}.to("rows", found, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "received", "a dozen", "look up"}, .in_brief = true},
                  [&] { EXPECT_TRUE(same_rows(read_answer("amlsim__fan_in_ge12"), found.take())); });
}

}  // namespace
}  // namespace freshet::conformance
