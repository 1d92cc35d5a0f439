// Sensor series by the hour, and what is late in the one whose clock went back.
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

class nab_windows : public shared_data {};

struct sample {
  static constexpr std::string_view field_names[] = {"timestamp", "value"};
  event_time at{};
  double value = 0;
};
file::csv_spout<sample> series(const std::string& name) {
  return file::csv_spout<sample>{data_file("nab/" + name + ".csv")};
}

using hour = std::tuple<std::uint64_t, double, double, double>;  // samples, least, most, mean

class nab_series : public nab_windows, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(, nab_series,
                         ::testing::Values("ambient_temperature_system_failure", "ec2_cpu_utilization_5f5533",
                                           "ec2_disk_write_bytes_1ef3de", "ec2_request_latency_system_failure",
                                           "machine_temperature_system_failure", "nyc_taxi",
                                           "rds_cpu_utilization_cc0c53", "speed_7578"),
                         [](const auto& name) { return std::string(name.param); });

TEST_P(nab_series, hours) {
  const std::string name = GetParam();
  collect_sink<windowed<int, hour>> hours;
  const auto build = [&](std::size_t) {
    stream_builder builder("hours");
    builder.spout("samples", series(name))
        .event_time(&sample::at, {.bound = 1h})
        .key_by(everything<sample>)
        .window(tumbling{1h})
        .aggregate("hours", all_of{count<sample>{}, min{&sample::value}, max{&sample::value}, mean{&sample::value}})
        .to("rows", hours);
    return builder.build();
  };
  on_both_engines(
      {.build = build, .may_throw = {"samples.event_time", "hours"}, .may_be_replayed = {"hours"}, .in_brief = true},
      [&] { EXPECT_TRUE(same_rows(read_answer("nab_" + name + "__tumble_1h"), by_start(hours.take()))); });
}

class nab_bound : public nab_windows, public ::testing::WithParamInterface<std::chrono::minutes> {};
INSTANTIATE_TEST_SUITE_P(, nab_bound, ::testing::Values(0min, 15min, 30min, 55min, 60min),
                         [](const auto& bound) { return std::to_string(bound.param.count()) + "min"; });

TEST_P(nab_bound, finds_what_is_late) {
  const event_span bound = GetParam();
  late_counts<sample, int> quarters(15min);
  const auto build = [&](std::size_t) {
    stream_builder builder("late samples");
    quarters.count(builder.spout("samples", series("machine_temperature_system_failure"))
                       .event_time(&sample::at, {.bound = bound}),
                   everything<sample>, "quarters", 1);
    return builder.build();
  };
  on_both_engines(
      {.build = build,
       .may_throw = {"samples.event_time", "quarters"},

       .in_brief = true},
      [&] {
        const std::vector<row> found{quarters.take(bound)};
        EXPECT_TRUE(same_rows(of_bound(read_answer("nab_machine_temperature__watermark_drops"), bound), found));
      });
}

}  // namespace
}  // namespace freshet::conformance
