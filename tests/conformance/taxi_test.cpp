// Taxi rides: how many begin and end, where most of them do, how long they take, and alerts for those that take long.
#include <chrono>
#include <cmath>

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

class nyc : public shared_data {};

struct ride_event {
  std::int64_t ride = 0;
  std::string kind;  // START or END
  event_time at{};
  double from_lon = 0, from_lat = 0, to_lon = 0, to_lat = 0;
  std::int64_t passengers = 0;
};
bool is_start(const ride_event& e) { return e.kind == "START"; }
bool is_end(const ride_event& e) { return !is_start(e); }

const std::string clock = "events.event_time";

stream<ride_event> events(stream_builder& builder) {
  const file::csv_spout<ride_event> spout{data_file("taxi/nyc_taxi_events_part1.csv"),
                                          {.columns = {1, 2, 3, 5, 6, 7, 8, 9}}};
  return builder.spout("events", spout).event_time(&ride_event::at, ascending{});
}

// --- how many, and where ---

std::int64_t passengers_started(const ride_event& e) { return is_start(e) ? e.passengers : 0; }

/// A hundredth of a degree each way, where the ride begins or ends.
struct cell {
  std::string kind;
  int lon = 0, lat = 0;
};
cell cell_of(const ride_event& e) {
  const auto hundredths = [](double degrees) { return static_cast<int>(std::floor(degrees * 100)); };
  if (is_start(e)) return {e.kind, hundredths(e.from_lon), hundredths(e.from_lat)};
  return {e.kind, hundredths(e.to_lon), hundredths(e.to_lat)};
}

using five_minutes = std::tuple<std::uint64_t, std::uint64_t, std::int64_t>;  // starts, ends, passengers
using busy_cell = windowed<cell, std::uint64_t>;

TEST_F(nyc, rides_and_popular_cells) {
  collect_sink<windowed<whole_stream, five_minutes>> rides;
  collect_sink<busy_cell> cells;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("rides");
    const auto all = events(builder);
    all.window(tumbling{5min})
        .aggregate("rides", all_of{sum{is_start}, sum{is_end}, sum{passengers_started}})
        .to("rides.rows", rides);
    all.key_by(cell_of)
        .window(hopping{15min, 5min})
        .count("cells", {.parallelism = parallelism})
        .filter("popular", [](const busy_cell& w) { return w.value >= 30; }, {.parallelism = parallelism})
        .to("cells.rows", cells);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "rides", "cells", "popular"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "nyc__tumble_5m", by_start(rides.take()), {.keys = 1}));
    const columns are{.keys = 4};  // the cell is three of them
    EXPECT_TRUE(as_promised(how, "nyc__popular_cells_hop_15m_5m_ge30", by_start_and_key(cells.take()), are));
  });
}

// --- how long ---

struct ride_duration {
  std::int64_t ride = 0;
  event_time start{}, end{};
  std::int64_t seconds = 0, passengers = 0;
};
ride_duration duration_of(const ride_event& start, const ride_event& end) {
  return {start.ride, start.at, end.at, (end.at - start.at) / 1s, start.passengers};
}

TEST_F(nyc, how_long_rides_take) {
  collect_sink<ride_duration> rides;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("ride durations");
    const auto [starts, ends] = events(builder).split("by kind", is_start);
    starts.key_by(&ride_event::ride)
        .interval_join("match", ends.key_by(&ride_event::ride), between{0min, 24h}, duration_of,
                       {.parallelism = parallelism})
        .to("rows", rides);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "by kind", "match"}},
                  [&](delivery how) { EXPECT_TRUE(as_promised(how, "nyc__ride_durations", rides.take())); });
}

struct long_ride {
  std::int64_t ride = 0;
  event_time start{}, alert{};
};

TEST_F(nyc, rides_that_take_more_than_twenty_minutes) {
  collect_sink<long_ride> alerts;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("long rides");
    events(builder)
        .key_by(&ride_event::ride)
        .ordered()
        .pattern("unended", pattern{is_start}.not_followed_by(is_end).within(20min), {.parallelism = parallelism})
        .map("alert",
             [](const matched<ride_event>& m) {
               return long_ride{m.tuples[0].ride, m.began, m.ended};
             })
        .to("rows", alerts);
    return builder.build();
  };
  // The end of the file is the end of time, where all rides are over; the answer ends with the last event.
  const event_time last_event{1356998400s + 28min + 43s};
  on_both_engines({.build = build, .may_throw = {clock, "unended", "alert"}}, [&](delivery how) {
    auto found = alerts.take();
    EXPECT_GT(std::erase_if(found, [&](const long_ride& r) { return r.alert > last_event; }), 0u);
    EXPECT_TRUE(as_promised(how, "nyc__long_ride_alerts_20m", found));
  });
}

}  // namespace
}  // namespace freshet::conformance
