// Position reports of vehicles on expressways: how full and how fast each mile of road is.
#include <chrono>

#include "conformance/expected_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "conformance/window_rows.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

using namespace std::chrono_literals;
using namespace aggregates;

class lrb_windows : public shared_data {};

struct segment {
  std::int64_t xway = 0, dir = 0, mile = 0;
};
struct report {
  event_time at{};
  std::int64_t vehicle = 0, speed = 0;
  segment where;
};
report parse(const std::string& line) {
  const auto f = split_blanks(line);  // second vehicle speed xway lane dir pos
  return {event_time{number(f.at(0)) * 1s},
          number(f.at(1)),
          number(f.at(2)),
          {number(f.at(3)), number(f.at(5)), number(f.at(6)) / 5280}};
}

using minute = std::tuple<std::uint64_t, std::uint64_t, double>;  // reports, vehicles, speed

TEST_F(lrb_windows, segments_by_minute_and_their_speed_in_five) {
  collect_sink<windowed<segment, minute>> minutes;
  collect_sink<windowed<segment, double>> speeds;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("segments");
    const auto by_segment = builder.spout("lines", file::line_spout{data_file("road/linear_road_small.txt")})
                                .map("parse", parse)
                                .event_time(&report::at, ascending{})
                                .key_by(&report::where);
    by_segment.window(tumbling{1min})
        .aggregate("minutes", all_of{count<report>{}, distinct{&report::vehicle}, mean{&report::speed}},
                   {.parallelism = parallelism})
        .to("minutes.rows", minutes);
    by_segment.window(hopping{5min, 1min})
        .aggregate("speeds", mean{&report::speed}, {.parallelism = parallelism})
        .to("speeds.rows", speeds);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", "parse.event_time", "minutes", "speeds"}}, [&] {
    EXPECT_TRUE(same_rows(read_answer("lrb__segment_stats_60s"), by_start_and_key(minutes.take())));
    EXPECT_TRUE(same_rows(read_answer("lrb__lav_hop_300s_60s"), by_start_and_key(speeds.take())));
  });
}

}  // namespace
}  // namespace freshet::conformance
