// Daily weather: figures of each month, rain exact in tenths of a millimetre.
#include <algorithm>
#include <limits>
#include <optional>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "freshet/connect/file/line_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

class weather : public shared_data {};

struct day {
  std::string month;  // "2012-01"
  std::int64_t rain_tenths_mm = 0;
  double max_celsius = 0, min_celsius = 0;
};
std::optional<day> parse(const std::string& line) {
  const auto f = split_csv(line);  // date precipitation temp_max temp_min wind weather
  if (f.at(0) == "date") return std::nullopt;
  return day{f[0].substr(0, 7), fixed(f.at(1), 1), number<double>(f.at(2)), number<double>(f.at(3))};
}

struct month {
  std::uint64_t days = 0;
  std::int64_t rain_tenths_mm = 0;
  double max_celsius = std::numeric_limits<double>::lowest(), min_celsius = std::numeric_limits<double>::max();
};
struct sum_up {
  void add(month& m, const day& d) const { merge(m, {1, d.rain_tenths_mm, d.max_celsius, d.min_celsius}); }
  void merge(month& into, const month& from) const {
    into = {into.days + from.days, into.rain_tenths_mm + from.rain_tenths_mm,
            std::max(into.max_celsius, from.max_celsius), std::min(into.min_celsius, from.min_celsius)};
  }
};

class weather_by : public weather, public ::testing::WithParamInterface<updates> {};
INSTANTIATE_TEST_SUITE_P(, weather_by, ::testing::Values(updates::every, updates::latest),
                         [](const auto& how) { return how.param == updates::every ? "every" : "latest"; });

TEST_P(weather_by, months) {
  collect_sink<keyed<std::string, month>> months;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("months");
    builder.spout("lines", file::line_spout{data_file("weather/seattle_weather.csv")})
        .shuffle()
        .flat_map("parse", parse, {.parallelism = parallelism})
        .key_by(&day::month)
        .aggregate("sum up", sum_up{}, {.parallelism = parallelism, .updates = GetParam()})
        .to("rows", months, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse", "sum up"}, .few_rows = true},
                  [&] { EXPECT_TRUE(same_rows(read_answer("weather__monthly"), last_rows(months.take()))); });
}

}  // namespace
}  // namespace freshet::conformance
