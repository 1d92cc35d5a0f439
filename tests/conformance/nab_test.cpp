// Sensor series: by the hour, outliers against the last 288 values, irregular steps, runs below a threshold, and what
// is late in the one whose clock went back.
#include <chrono>
#include <cmath>
#include <deque>
#include <map>
#include <numeric>
#include <optional>

#include "conformance/expected_rows.hpp"
#include "conformance/late_counts.hpp"
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

class nab : public shared_data {};

struct sample {
  std::string series;
  std::int64_t row = 0;
  event_time at{};
  double value = 0;
};
/// The samples of one file.
vector_spout<sample> samples(const std::string& series) {
  const auto parse = [&](std::int64_t row, const std::string& line) {
    const auto f = split_csv(line);
    return sample{series, row, event_time{utc_ms(f.at(0)) * 1ms}, number<double>(f.at(1))};
  };
  return numbered_rows("nab/" + series + ".csv", header::one_line, parse);
}
/// A clock by which they are in the order of the file.
event_time row_as_time(const sample& s) { return event_time{s.row * 1ms}; }

const std::vector<std::string> all_series{"ambient_temperature_system_failure", "ec2_cpu_utilization_5f5533",
                                          "ec2_disk_write_bytes_1ef3de",        "ec2_request_latency_system_failure",
                                          "machine_temperature_system_failure", "nyc_taxi",
                                          "rds_cpu_utilization_cc0c53",         "speed_7578"};
const std::string machine = all_series[4];

/// All series at once, each from a spout of its own, and with a clock of its own.
template <class Time, class Policy>
stream<sample> samples_of_all(stream_builder& builder, Time time, Policy policy) {
  std::optional<stream<sample>> merged;
  for (const auto& series : all_series) {
    const auto more = builder.spout(series, samples(series)).event_time(time, policy);
    merged = merged ? merged->merge(more) : more;
  }
  return *merged;
}
std::vector<std::string> clocks_and(const std::string& behind) {
  std::vector<std::string> nodes;
  for (const auto& series : all_series) nodes.push_back(series + ".event_time");
  nodes.push_back(behind);
  return nodes;
}

// --- hours ---

using hour = std::tuple<std::uint64_t, double, double, double>;  // samples, least, most, mean

TEST_F(nab, hours) {
  collect_sink<windowed<std::string, hour>> hours;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("hours");
    samples_of_all(builder, &sample::at, bounded_out_of_orderness{1h})
        .key_by(&sample::series)
        .window(tumbling{1h})
        .aggregate("hours", all_of{count<sample>{}, min{&sample::value}, max{&sample::value}, mean{&sample::value}},
                   {.parallelism = parallelism})
        .to("rows", hours);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = clocks_and("hours")}, [&](delivery how) {
    std::map<std::string, std::vector<windowed<std::string, hour>>> by_series;
    for (const auto& w : hours.take()) by_series[w.key].push_back(w);
    for (const auto& series : all_series)
      EXPECT_TRUE(as_promised(how, "nab_" + series + "__tumble_1h", by_start(by_series[series])));
  });
}

// --- outliers ---

struct outlier {
  std::int64_t row = 0;
  event_time at{};
  double value = 0, z = 0;
};
/// How many deviations a value is from the mean of the 288 before it, a day at one value in five minutes. A bolt of its
/// own, as no window holds all tuples but the last.
struct judge_by_last_288 {
  using state = std::deque<double>;
  std::optional<keyed<std::string, outlier>> process(const sample& s, state& last) const {
    double z = 0;
    if (last.size() == 288) {
      z = deviations(s.value, last);
      last.pop_front();
    }
    last.push_back(s.value);
    if (std::abs(z) > 4) return keyed<std::string, outlier>{s.series, {s.row, s.at, s.value, z}};
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

TEST_F(nab, values_four_deviations_from_the_last_day) {
  collect_sink<keyed<std::string, outlier>> found;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("outliers");
    samples_of_all(builder, row_as_time, ascending{})
        .key_by(&sample::series)
        .ordered()
        .process("judge", judge_by_last_288{}, {.parallelism = parallelism})
        .to("rows", found);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = clocks_and("judge")}, [&](delivery how) {
    std::map<std::string, std::vector<outlier>> by_series;
    for (const auto& [series, o] : found.take()) by_series[series].push_back(o);
    for (const auto& series : all_series)
      EXPECT_TRUE(as_promised(how, "nab_" + series + "__zscore288_gt4", by_series[series]));
  });
}

// --- steps and runs of one series ---

using two = windowed<whole_stream, std::tuple<sample, sample>>;
event_span length(const two& w) { return std::get<1>(w.value).at - std::get<0>(w.value).at; }

TEST_F(nab, steps_that_are_not_five_minutes) {
  collect_sink<two> steps;
  const auto build = [&](std::size_t) {
    stream_builder builder("steps");
    builder.spout("samples", samples(machine))
        .event_time(row_as_time, ascending{})
        .window(sliding_count{2, 1})
        .aggregate("steps", all_of{first{&sample::row}, last{&sample::row}})
        .filter("irregular", [](const two& w) { return w.pane > 0 && length(w) != 5min; })  // the first holds one
        .to("rows", steps);
    return builder.build();
  };
  // Windows that count tuples do so in the order in which they come.
  on_both_engines(
      {.build = build, .may_throw = {"samples.event_time", "steps", "irregular"}, .may_be_replayed = false},
      [&](delivery how) {
        std::vector<row> rows;
        for (const auto& w : steps.take())
          rows.push_back(detail::row_of(std::get<0>(w.value).row, std::get<1>(w.value).row, length(w).count()));
        EXPECT_TRUE(as_promised(how, "nab_machine_temperature__irregular_steps", rows));
      });
}

using run = windowed<whole_stream, std::tuple<sample, sample, std::uint64_t, double>>;  // first, last, rows, least

TEST_F(nab, runs_below_sixty_degrees) {
  collect_sink<run> runs;
  const auto build = [&](std::size_t) {
    stream_builder builder("runs");
    builder.spout("samples", samples(machine))
        .event_time(row_as_time, ascending{})
        .filter("below 60", [](const sample& s) { return s.value < 60; })
        .window(sessions{1ms})
        .aggregate("runs", all_of{first{&sample::row}, last{&sample::row}, count<sample>{}, min{&sample::value}})
        .to("rows", runs);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = {"samples.event_time", "below 60", "runs"}}, [&](delivery how) {
    std::vector<row> rows;
    for (const auto& r : runs.take()) {
      const auto& [from, to, size, least] = r.value;
      rows.push_back(detail::row_of(from.row, to.row, from.at, to.at, size, least));
    }
    EXPECT_TRUE(as_promised(how, "nab_machine_temperature__below60_runs", rows));
  });
}

// --- what is late ---

TEST_F(nab, what_is_late) {
  late_counts<sample, std::string> late({15min}, {0min, 15min, 30min, 55min, 60min});
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder("late samples");
    late.count(builder, samples(machine), &sample::at, &sample::series, parallelism);
    return builder.build();
  };
  on_both_engines({.build = build, .may_throw = late.may_throw()}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, "nab_machine_temperature__watermark_drops", late.take(), late.are));
  });
}

}  // namespace
}  // namespace freshet::conformance
