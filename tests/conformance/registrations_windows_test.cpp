// Registrations at a web service, shuffled: event time jumps by months, and windows wait for a year.
#include <chrono>

#include "conformance/expected_rows.hpp"
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

class awsreg_windows : public shared_data {};

struct registration {
  static constexpr std::string_view field_names[] = {"ip_address", "EVENT_TIMESTAMP", "EVENT_LABEL"};
  std::string address;
  event_time at{};
  std::string label;
};
int is_fraud(const registration& r) { return r.label == "fraud"; }

constexpr event_span day = 24h;

using of_address = windowed<std::string, std::tuple<std::uint64_t, std::int64_t>>;  // registrations, frauds
using week = std::tuple<std::uint64_t, std::int64_t, std::uint64_t>;                // the same, and addresses

std::uint64_t registrations_of(const of_address& w) { return std::get<0>(w.value); }
std::int64_t frauds_of(const of_address& w) { return std::get<1>(w.value); }

stream<registration> registrations(stream_builder& builder) {
  return builder.spout("registrations", file::csv_spout<registration>{data_file("fraud/aws_registrations.csv")})
      .event_time(&registration::at, {.bound = 366 * day});
}

/// By address first: so the windows of many addresses are shared by the tasks, and what is left is few.
TEST_F(awsreg_windows, weeks) {
  collect_sink<windowed<int, week>> weeks;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("weeks");
    registrations(builder)
        .key_by(&registration::address)
        .window(tumbling{7 * day})
        .aggregate("addresses", all_of{count<registration>{}, sum{is_fraud}}, {.parallelism = parallelism})
        .key_by(everything<of_address>)
        .window(tumbling{7 * day})
        .aggregate("weeks", all_of{sum{registrations_of}, sum{frauds_of}, count<of_address>{}})
        .to("rows", weeks);
    return builder.build();
  };
  on_both_engines({.build = build,
                   .may_throw = {"registrations.event_time", "addresses", "weeks"},
                   .may_be_replayed = {"addresses", "weeks"},
                   .in_brief = true},
                  [&] { EXPECT_TRUE(same_rows(read_answer("awsreg__tumble_7d"), by_start(weeks.take()))); });
}

TEST_F(awsreg_windows, addresses_with_five_registrations_in_a_week) {
  collect_sink<of_address> busy;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("busy addresses");
    registrations(builder)
        .key_by(&registration::address)
        .window(hopping{7 * day, day})
        .aggregate("addresses", all_of{count<registration>{}, sum{is_fraud}}, {.parallelism = parallelism})
        .filter("five", [](const of_address& w) { return registrations_of(w) >= 5; }, {.parallelism = parallelism})
        .to("rows", busy);
    return builder.build();
  };
  on_both_engines(
      {.build = build,
       .may_throw = {"registrations.event_time", "addresses", "five"},
       .may_be_replayed = {"addresses", "five"},
       .in_brief = true},
      [&] { EXPECT_TRUE(same_rows(read_answer("awsreg__hop_7d_1d_ip_ge5"), by_start_and_key(busy.take()))); });
}

}  // namespace
}  // namespace freshet::conformance
