// Position reports of vehicles on expressways: which of them stand still.
#include <optional>

#include "conformance/expected_rows.hpp"
#include "conformance/number_lines.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

class lrb : public shared_data {};

struct place {
  std::int64_t xway = 0, lane = 0, dir = 0, pos = 0;
  bool operator==(const place&) const = default;
};
struct report {
  std::int64_t row = 0, at_ms = 0, vehicle = 0;
  place at;
};
report parse(const numbered_line& line) {
  const auto f = split_blanks(line.text);  // second vehicle speed xway lane dir pos
  return {line.number,
          number(f.at(0)) * 1000,
          number(f.at(1)),
          {number(f.at(3)), number(f.at(4)), number(f.at(5)), number(f.at(6))}};
}

/// A vehicle has stopped when four reports in a row name the same place; said once.
struct watch_vehicle {
  struct state {
    place last;
    int times = 0;
  };
  std::optional<report> process(const report& r, state& s) const {
    s.times = s.times > 0 && s.last == r.at ? s.times + 1 : 1;
    s.last = r.at;
    return s.times == 4 ? std::optional(r) : std::nullopt;
  }
};

TEST_F(lrb, vehicles_that_have_stopped) {
  collect_sink<report> stopped;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("stopped vehicles");
    builder.spout("lines", file::line_spout{data_file("road/linear_road_small.txt")})
        .global()
        .process("number", number_lines{})
        .map("parse", parse)
        .key_by(&report::vehicle)
        .process("watch", watch_vehicle{}, {.parallelism = parallelism})
        .to("rows", stopped, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"number", "parse", "watch"}},
                  [&] { EXPECT_TRUE(same_rows(read_answer("lrb__stopped_vehicles"), stopped.take())); });
}

}  // namespace
}  // namespace freshet::conformance
