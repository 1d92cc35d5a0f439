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

stream<quake> quakes(stream_builder& builder, event_span bound) {
  const file::csv_spout<quake> spout{data_file("quakes/usgs_all_week_by_updated.csv"), {.times = {"%Q"}}};
  return builder.spout("quakes", spout).event_time(&quake::at, {.bound = bound});
}

constexpr event_span week = 7 * 24h, gap = 10min;

using strength = std::tuple<std::uint64_t, std::optional<double>>;  // quakes, and the strongest where that is known

TEST_F(usgs, hours_networks_and_swarms) {
  collect_sink<windowed<int, strength>> hours;
  collect_sink<windowed<std::string, strength>> networks, swarms;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("quakes");
    const auto all = quakes(builder, week);
    const auto by_network = all.key_by(&quake::net);
    const all_of how_strong{count<quake>{}, max{&quake::magnitude}};  // unknown is less than any
    all.key_by(everything<quake>).window(tumbling{1h}).aggregate("hours", how_strong).to("hours.rows", hours);
    by_network.window(hopping{6h, 1h})
        .aggregate("networks", how_strong, {.parallelism = parallelism})
        .to("networks.rows", networks);
    by_network.window(sessions{gap})
        .aggregate("swarms", how_strong, {.parallelism = parallelism})
        .to("swarms.rows", swarms);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "hours", "networks", "swarms"}, .few_rows = true}, [&] {
    EXPECT_TRUE(same_rows(read_answer("usgs__tumble_1h"), by_start(hours.take())));
    EXPECT_TRUE(same_rows(read_answer("usgs__hop_6h_1h_per_net"), by_start_and_key(networks.take())));
    EXPECT_TRUE(same_rows(read_answer("usgs__sessions_10m_per_net"), by_session(swarms.take(), gap)));
  });
}

TEST_F(usgs, quakes_on_time_for_a_bound_of_six_hours) {
  collect_sink<windowed<int, std::uint64_t>> on_time;
  const auto build = [&](std::size_t) {
    stream_builder builder("on time");
    quakes(builder, 6h).key_by(everything<quake>).window(tumbling{1h}).count("count").to("rows", on_time);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "count"}, .may_be_replayed = {"count"}, .few_rows = true},
                  [&] { EXPECT_TRUE(same_rows(read_answer("usgs__watermark_1h_bound6h"), by_start(on_time.take()))); });
}

TEST_F(usgs, the_longer_the_bound_the_less_is_late) {
  for (const event_span bound : std::initializer_list<event_span>{0min, 10min, 1h, 6h, 24h, 72h, week}) {
    late_counts<quake, std::string> hours(1h);
    const auto build = [&](std::size_t parallelism) {
      stream_builder builder("late quakes");
      hours.count(quakes(builder, bound), &quake::net, "hours", parallelism);
      return builder.build();
    };
    on_both_engines({.build = build, .may_throw = {clock, "hours"}, .may_be_replayed = {"hours"}, .in_brief = true},
                    [&] {
                      const std::vector<row> found{hours.take(bound)};
                      EXPECT_TRUE(same_rows(of_bound(read_answer("usgs__watermark_drops"), bound), found));
                    });
  }
}

}  // namespace
}  // namespace freshet::conformance
