// Daily weather: figures of each month, rain exact in tenths of a millimetre.
#include <string>
#include <tuple>

#include "conformance/expected_rows.hpp"
#include "conformance/last_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/parse.hpp"
#include "conformance/shared_data.hpp"
#include "freshet/connect/file/csv_spout.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/aggregates.hpp"
#include "freshet/stream/stream_builder.hpp"

namespace freshet::conformance {
namespace {

using namespace aggregates;

class weather : public shared_data {};

/// Rain as the file has it, in tenths of a millimetre.
struct tenths {
  std::int64_t value = 0;
  friend bool freshet_from_text(std::string_view text, tenths& t) {
    t.value = fixed(text, 1);
    return true;
  }
};
struct day {
  static constexpr std::string_view field_names[] = {"date", "precipitation", "temp_max", "temp_min"};
  std::string date;  // "2012-01-31"
  tenths rain;
  double most_celsius = 0, least_celsius = 0;
};
std::string month_of(const day& d) { return d.date.substr(0, 7); }
std::int64_t rain_of(const day& d) { return d.rain.value; }

using month = std::tuple<std::uint64_t, std::int64_t, double, double>;  // days, rain, most and least celsius

class weather_by : public weather, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(, weather_by, ::testing::Bool(),
                         [](const auto& how) { return how.param ? "combined" : "each"; });

TEST_P(weather_by, months) {
  collect_sink<keyed<std::string, month>> months;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("months");
    const auto days =
        builder.spout("days", file::csv_spout<day>{data_file("weather/seattle_weather.csv")}).key_by(month_of);
    const all_of figures{count<day>{}, sum{rain_of}, max{&day::most_celsius}, min{&day::least_celsius}};
    const bolt_options options{.parallelism = parallelism};
    const auto sums =
        GetParam() ? days.combine().aggregate("sum up", figures, options) : days.aggregate("sum up", figures, options);
    sums.to("rows", months, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"sum up"}}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "weather__monthly", last_rows(months.take()), {.keys = 1}));
  });
}

}  // namespace
}  // namespace freshet::conformance
