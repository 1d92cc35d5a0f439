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

class awsreg : public shared_data {};

struct registration {
  static constexpr std::string_view field_names[] = {"ip_address", "EVENT_TIMESTAMP", "EVENT_LABEL"};
  std::string address;
  event_time at{};
  std::string label;
};
int is_fraud(const registration& r) { return r.label == "fraud"; }

constexpr event_span day = 24h;

stream<registration> registrations(stream_builder& builder) {
  return builder.spout("registrations", file::csv_spout<registration>{data_file("fraud/aws_registrations.csv")})
      .event_time(&registration::at, {.bound = 366 * day});
}
const std::string clock = "registrations.event_time";

using week = std::tuple<std::uint64_t, std::int64_t, std::uint64_t>;  // registrations, frauds, addresses
using frequent = windowed<std::string, std::uint64_t>;

TEST_F(awsreg, weeks_and_the_most_frequent_addresses) {
  collect_sink<windowed<whole_stream, week>> weeks;
  collect_sink<windowed<whole_stream, std::vector<frequent>>> top;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("weeks");
    const auto all = registrations(builder);
    all.window(tumbling{7 * day})
        .aggregate("weeks", all_of{count<registration>{}, sum{is_fraud}, distinct{&registration::address}})
        .to("weeks.rows", weeks);
    all.key_by(&registration::address)
        .window(global_windows{})
        .count("addresses", {.parallelism = parallelism})
        .window(global_windows{})
        .top_n("top", 20, by_value<std::string, std::uint64_t>)
        .to("top.rows", top);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "weeks", "addresses", "top"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "awsreg__tumble_7d", by_start(weeks.take()), {.keys = 1}));
    EXPECT_TRUE(as_promised(how, "awsreg__top20_ips", by_rank_alone(top.take()), {.keys = 1}));
  });
}

using of_address = windowed<std::string, std::tuple<std::uint64_t, std::int64_t>>;  // registrations, frauds

TEST_F(awsreg, addresses_with_five_registrations_in_a_week) {
  collect_sink<of_address> busy;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("busy addresses");
    registrations(builder)
        .key_by(&registration::address)
        .window(hopping{7 * day, day})
        .aggregate("addresses", all_of{count<registration>{}, sum{is_fraud}}, {.parallelism = parallelism})
        .filter("five", [](const of_address& w) { return std::get<0>(w.value) >= 5; }, {.parallelism = parallelism})
        .to("rows", busy);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "addresses", "five"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "awsreg__hop_7d_1d_ip_ge5", by_start_and_key(busy.take())));
  });
}

}  // namespace
}  // namespace freshet::conformance
