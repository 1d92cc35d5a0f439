// Position reports of vehicles on expressways: how full and how fast each mile of road is, and which vehicles stand
// still.
#include <chrono>
#include <optional>

#include "conformance/expected_rows.hpp"
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

class lrb : public shared_data {};

struct place {
  std::int64_t xway = 0, lane = 0, dir = 0, pos = 0;
  bool operator==(const place&) const = default;
};
struct report {
  std::int64_t row = 0;
  event_time at{};
  std::int64_t vehicle = 0, speed = 0;
  place where;
};
report parse(std::int64_t row, const std::string& line) {
  const auto f = split_blanks(line);  // second vehicle speed xway lane dir pos
  const place where{number(f.at(3)), number(f.at(4)), number(f.at(5)), number(f.at(6))};
  return {row, event_time{number(f[0]) * 1s}, number(f[1]), number(f[2]), where};
}
stream<report> reports(stream_builder& builder) {
  static const auto rows = numbered_rows("road/linear_road_small.txt", header::none, parse);
  return builder.spout("reports", rows).event_time(&report::at, ascending{});
}
const std::string clock = "reports.event_time";

// --- miles of road ---

struct segment {
  std::int64_t xway = 0, dir = 0, mile = 0;
};
segment segment_of(const report& r) { return {r.where.xway, r.where.dir, r.where.pos / 5280}; }

using minute = std::tuple<std::uint64_t, std::uint64_t, double>;  // reports, vehicles, speed

TEST_F(lrb, segments_by_minute_and_their_speed_in_five) {
  collect_sink<windowed<segment, minute>> minutes;
  collect_sink<windowed<segment, double>> speeds;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("segments");
    const auto by_segment = reports(builder).key_by(segment_of);
    by_segment.window(tumbling{1min})
        .aggregate("minutes", all_of{count<report>{}, distinct{&report::vehicle}, mean{&report::speed}},
                   {.parallelism = parallelism})
        .to("minutes.rows", minutes);
    by_segment.window(hopping{5min, 1min})
        .aggregate("speeds", mean{&report::speed}, {.parallelism = parallelism})
        .to("speeds.rows", speeds);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "minutes", "speeds"}}, [&](delivery how) {
    const columns are{.keys = 4};  // the segment is three of them
    EXPECT_TRUE(as_promised(how, "lrb__segment_stats_60s", by_start_and_key(minutes.take()), are));
    EXPECT_TRUE(as_promised(how, "lrb__lav_hop_300s_60s", by_start_and_key(speeds.take()), are));
  });
}

// --- who stands still ---

struct stopped {
  std::int64_t row = 0;
  event_time at{};
  std::int64_t vehicle = 0;
  place where;
};
/// A vehicle has stopped when four reports in a row name the same place; said once. A bolt of its own, as the matches
/// of a pattern begin anew behind each other, and would say so again of one that stands for long.
struct watch_vehicle {
  struct state {
    place last;
    int times = 0;
  };
  std::optional<stopped> process(const report& r, state& s) const {
    s.times = s.times > 0 && s.last == r.where ? s.times + 1 : 1;
    s.last = r.where;
    return s.times == 4 ? std::optional(stopped{r.row, r.at, r.vehicle, r.where}) : std::nullopt;
  }
};

TEST_F(lrb, vehicles_that_have_stopped) {
  collect_sink<stopped> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("stopped vehicles");
    reports(builder)
        .key_by(&report::vehicle)
        .ordered()
        .process("watch", watch_vehicle{}, {.parallelism = parallelism})
        .to("rows", found);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "watch"}},
                  [&](delivery how) { EXPECT_TRUE(as_promised(how, "lrb__stopped_vehicles", found.take())); });
}

}  // namespace
}  // namespace freshet::conformance
