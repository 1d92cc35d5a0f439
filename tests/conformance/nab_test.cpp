// Sensor series: outliers against the last 288 values, irregular steps, runs below a threshold.
#include <cmath>
#include <deque>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

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

class nab : public shared_data {};

struct sample {
  std::string series;
  std::int64_t at_ms = 0;
  double value = 0;
};
struct parse {
  std::string series;
  std::optional<sample> operator()(const std::string& line) const {
    if (line == "timestamp,value") return std::nullopt;
    const auto f = split_csv(line);
    return sample{series, utc_ms(f.at(0)), number<double>(f.at(1))};
  }
};
/// The samples of one file, in its order; the nodes are named after it.
stream<sample> samples(stream_builder& builder, const std::string& series) {
  return builder.spout(series, file::line_spout{data_file("nab/" + series + ".csv")})
      .flat_map("parse " + series, parse{series});
}

// --- outliers ---

struct outlier {
  std::int64_t row = 0, at_ms = 0;
  double value = 0, z = 0;
};
/// How many deviations a value is from the mean of the 288 before it, a day at one value in five minutes.
struct judge_by_last_288 {
  struct state {
    std::int64_t rows = 0;
    std::deque<double> last;
  };
  std::optional<keyed<std::string, outlier>> process(const sample& s, state& seen) const {
    double z = 0;
    if (seen.last.size() == 288) {
      z = deviations(s.value, seen.last);
      seen.last.pop_front();
    }
    seen.last.push_back(s.value);
    const auto row = seen.rows++;
    if (std::abs(z) > 4) return keyed<std::string, outlier>{s.series, {row, s.at_ms, s.value, z}};
    return std::nullopt;
  }

 private:
  static double deviations(double value, const std::deque<double>& last) {
    const auto n = static_cast<double>(last.size());
    const double mean = std::accumulate(last.begin(), last.end(), 0.0) / n;
    double squares = 0;
    for (const double each : last) squares += (each - mean) * (each - mean);
    const double deviation = std::sqrt(squares / (n - 1));
    return deviation > 0 ? (value - mean) / deviation : 0;
  }
};

const std::vector<std::string> all_series{"ambient_temperature_system_failure", "ec2_cpu_utilization_5f5533",
                                          "ec2_disk_write_bytes_1ef3de",        "ec2_request_latency_system_failure",
                                          "machine_temperature_system_failure", "nyc_taxi",
                                          "rds_cpu_utilization_cc0c53",         "speed_7578"};

/// All series at once: each spout keeps its order, and so do the keys behind the merged stream.
topology outliers_of_all(const collect_sink<keyed<std::string, outlier>>& found, std::size_t parallelism) {
  stream_builder builder("outliers");
  std::optional<stream<sample>> merged;
  for (const auto& series : all_series) {
    const auto more = samples(builder, series);
    merged = merged ? merged->merge(more) : more;
  }
  merged->key_by(&sample::series)
      .process("judge", judge_by_last_288{}, {.parallelism = parallelism})
      .to("rows", found, {.parallelism = parallelism});
  return builder.build();
}

TEST_F(nab, values_four_deviations_from_the_last_day) {
  collect_sink<keyed<std::string, outlier>> found;
  const auto build = [&](std::size_t parallelism) { return outliers_of_all(found, parallelism); };
  std::vector<std::string> may_throw{"judge"};
  for (const auto& series : all_series) may_throw.push_back("parse " + series);
  on_both_engines({.build = build, .may_throw = may_throw}, [&] {
    std::map<std::string, std::vector<outlier>> by_series;
    for (const auto& [series, o] : found.take()) by_series[series].push_back(o);
    for (const auto& series : all_series)
      EXPECT_TRUE(same_rows(read_answer("nab_" + series + "__zscore288_gt4"), by_series[series]));
  });
}

// --- steps and runs of one series ---

const std::string machine = "machine_temperature_system_failure";

struct irregular_step {
  std::int64_t row_before = 0, row_after = 0, delta_ms = 0;
};
struct compare_times {
  struct state {
    std::int64_t rows = 0, last_ms = 0;
  };
  std::optional<irregular_step> process(const sample& s, state& before) const {
    const auto delta = s.at_ms - std::exchange(before.last_ms, s.at_ms);
    const auto row = before.rows++;
    if (row == 0 || delta == 5 * 60 * 1000) return std::nullopt;
    return irregular_step{row - 1, row, delta};
  }
};

TEST_F(nab, steps_that_are_not_five_minutes) {
  collect_sink<irregular_step> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("steps");
    samples(builder, machine)
        .key_by(&sample::series)
        .process("compare", compare_times{}, {.parallelism = parallelism})
        .to("rows", found, {.parallelism = parallelism});
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse " + machine, "compare"}}, [&] {
    EXPECT_TRUE(same_rows(read_answer("nab_machine_temperature__irregular_steps"), found.take()));
  });
}

struct run_below {
  std::int64_t last_row = 0, first_ms = 0, last_ms = 0, rows = 0;
  double min = 0;
};
/// A run grows with each of its rows, and its last row, by its first, is the answer: so the run in which the file ends
/// needs nothing special.
struct follow_run {
  struct state {
    std::int64_t rows = 0;
    std::optional<run_below> run;
  };
  std::optional<keyed<std::int64_t, run_below>> process(const sample& s, state& seen) const {
    const auto row = seen.rows++;
    if (s.value >= 60) {
      seen.run.reset();
      return std::nullopt;
    }
    if (!seen.run) seen.run = run_below{.first_ms = s.at_ms, .min = s.value};
    auto& run = *seen.run;
    run = {row, run.first_ms, s.at_ms, run.rows + 1, std::min(run.min, s.value)};
    return keyed<std::int64_t, run_below>{row - run.rows + 1, run};
  }
};

TEST_F(nab, runs_below_sixty_degrees) {
  collect_sink<keyed<std::int64_t, run_below>> runs;
  const auto build = [&](std::size_t) {
    stream_builder builder("runs");
    samples(builder, machine).global().process("follow", follow_run{}).to("rows", runs);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"parse " + machine, "follow"}}, [&] {
    EXPECT_TRUE(same_rows(read_answer("nab_machine_temperature__below60_runs"), last_rows(runs.take())));
  });
}

}  // namespace
}  // namespace freshet::conformance
