// Taxi rides: how many begin and end, where most of them do, and rides that take long.
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

class nyc_windows : public shared_data {};

struct ride_event {
  std::int64_t ride = 0;
  std::string kind;  // START or END
  event_time at{};
  double from_lon = 0, from_lat = 0, to_lon = 0, to_lat = 0;
  std::int64_t passengers = 0;
};
bool is_start(const ride_event& e) { return e.kind == "START"; }

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

TEST_F(nyc_windows, rides_and_popular_cells) {
  collect_sink<windowed<int, five_minutes>> rides;
  collect_sink<busy_cell> cells;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("rides");
    const auto all = events(builder);
    all.key_by(everything<ride_event>)
        .window(tumbling{5min})
        .aggregate("rides", all_of{sum{is_start}, sum{[](const ride_event& e) { return !is_start(e); }},
                                   sum{passengers_started}})
        .to("rides.rows", rides);
    all.key_by(cell_of)
        .window(hopping{15min, 5min})
        .count("cells", {.parallelism = parallelism})
        .filter("popular", [](const busy_cell& w) { return w.value >= 30; }, {.parallelism = parallelism})
        .to("cells.rows", cells);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {clock, "rides", "cells", "popular"}}, [&] {
    EXPECT_TRUE(same_rows(read_answer("nyc__tumble_5m"), by_start(rides.take())));
    EXPECT_TRUE(same_rows(read_answer("nyc__popular_cells_hop_15m_5m_ge30"), by_start_and_key(cells.take())));
  });
}

// --- long rides ---

struct long_ride {
  std::int64_t ride = 0;
  event_time start{}, alert{};
};
/// Twenty minutes after its start a ride gives an alert, if it hasn't ended by then. An end that comes before the timer
/// is called may still be too late: time has come further than what the bolt has been told. And where messages are
/// replayed an end may come before its start.
struct watch_ride {
  struct state {
    event_time start = end_of_time, end = end_of_time;
  };
  using output = emitter<long_ride>;
  static constexpr event_span longest = 20min;

  void process(const ride_event& e, state& s, timers& t) const {
    (is_start(e) ? s.start : s.end) = e.at;
    if (s.start == end_of_time) return;
    if (s.end <= s.start + longest) t.cancel(s.start + longest);
    else t.at(s.start + longest);
  }
  void on_timer(const std::int64_t& ride, event_time due, state& s, output& out) const {
    out.emit({ride, s.start, due});
    s = {};
  }
  bool forgets(const state& s) const { return s.start == end_of_time && s.end == end_of_time; }
};

TEST_F(nyc_windows, rides_that_take_more_than_twenty_minutes) {
  collect_sink<long_ride> alerts;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("long rides");
    events(builder)
        .key_by(&ride_event::ride)
        .process("watch", watch_ride{}, {.parallelism = parallelism})
        .to("rows", alerts);
    return builder.build();
  };
  // The end of the file is the end of time, where all timers are due; the answer ends with the last event.
  const event_time last_event{1356998400s + 28min + 43s};
  on_both_engines({.build = build, .may_throw = {clock, "watch"}, .may_be_replayed = {"watch"}}, [&] {
    auto found = alerts.take();
    EXPECT_GT(std::erase_if(found, [&](const long_ride& r) { return r.alert > last_event; }), 0u);
    EXPECT_TRUE(same_rows(read_answer("nyc__long_ride_alerts_20m"), found));
  });
}

}  // namespace
}  // namespace freshet::conformance
