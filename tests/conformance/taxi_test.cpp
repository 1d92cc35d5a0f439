// Taxi rides: how long each took, from its start event and its end event.
#include <optional>
#include <utility>

#include "conformance/expected_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

class nyc : public shared_data {};

struct ride_event {
  std::int64_t ride = 0;
  bool start = false;
  std::int64_t at_ms = 0, passengers = 0;
};
ride_event parse(const std::string& line) {
  const auto f = split_csv(line);  // ride START|END event time, the other's time, four coordinates, passengers, ...
  return {number(f.at(0)), f.at(1) == "START", utc_ms(f.at(2)), number(f.at(8))};
}

struct duration {
  std::int64_t ride = 0, start_ms = 0, end_ms = 0, seconds = 0, passengers = 0;
};
/// Waits with the start of a ride for its end. An end whose start is not in the file gives nothing.
struct match {
  using state = std::optional<ride_event>;
  std::optional<duration> process(const ride_event& e, state& started) const {
    if (e.start) started = e;
    if (e.start || !started) return std::nullopt;
    const auto s = *std::exchange(started, std::nullopt);
    return duration{e.ride, s.at_ms, e.at_ms, (e.at_ms - s.at_ms) / 1000, s.passengers};
  }
};

TEST_F(nyc, how_long_rides_take) {
  collect_sink<duration> rides;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("ride durations");
    builder.spout("lines", file::line_spout{data_file("taxi/nyc_taxi_events_part1.csv")})
        .map("parse", parse)
        .key_by(&ride_event::ride)
        .process("match", match{}, {.parallelism = parallelism})
        .to("rows", rides, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", "match"}},
                  [&] { EXPECT_TRUE(same_rows(read_answer("nyc__ride_durations"), rides.take())); });
}

}  // namespace
}  // namespace freshet::conformance
