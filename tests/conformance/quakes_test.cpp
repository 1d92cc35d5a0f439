// Earthquakes of a week in the order in which their records were last changed, which may be days after them.
#include <chrono>
#include <optional>

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

class usgs : public shared_data {};

struct quake {
  static constexpr std::string_view field_names[] = {"time_ms", "net", "mag"};
  event_time at{};
  std::string net;  // who has recorded it
  std::optional<double> magnitude;
};
const std::string clock = "quakes.event_time";

file::csv_spout<quake> quakes() {
  return file::csv_spout<quake>{data_file("quakes/usgs_all_week_by_updated.csv"), {.times = {"%Q"}}};
}

constexpr event_span week = 7 * 24h, gap = 10min;

using strength = std::tuple<std::uint64_t, std::optional<double>>;  // quakes, and the strongest where that is known

TEST_F(usgs, hours_networks_and_swarms) {
  collect_sink<windowed<whole_stream, strength>> hours;
  collect_sink<windowed<std::string, strength>> networks, swarms;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("quakes");
    const auto all = builder.spout("quakes", quakes()).event_time(&quake::at, {.bound = week});
    const auto by_network = all.key_by(&quake::net);
    const all_of how_strong{count<quake>{}, max{&quake::magnitude}};  // unknown is less than any
    all.window(tumbling{1h}).aggregate("hours", how_strong).to("hours.rows", hours);
    by_network.window(hopping{6h, 1h})
        .aggregate("networks", how_strong, {.parallelism = parallelism})
        .to("networks.rows", networks);
    by_network.window(sessions{gap})
        .aggregate("swarms", how_strong, {.parallelism = parallelism})
        .to("swarms.rows", swarms);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "hours", "networks", "swarms"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "usgs__tumble_1h", by_start(hours.take()), {.keys = 1}));
    EXPECT_TRUE(as_promised(how, "usgs__hop_6h_1h_per_net", by_start_and_key(networks.take()), {.keys = 2}));
    EXPECT_TRUE(as_promised(how, "usgs__sessions_10m_per_net", by_session(swarms.take(), gap), {.keys = 3}));
  });
}

TEST_F(usgs, the_longer_the_bound_the_less_is_late) {
  late_counts<quake, std::string> late({1h}, {0min, 10min, 1h, 6h, 24h, 72h, week});
  check_watermark_drops("late quakes", late, quakes(), &quake::at, &quake::net, 1h, 6h, "usgs__watermark_drops",
                        "usgs__watermark_1h_bound6h");
}

}  // namespace
}  // namespace freshet::conformance
