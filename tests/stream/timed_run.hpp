#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "freshet/batch/batch_executor.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/connect/memory/vector_spout.hpp"
#include "freshet/event/event_executor.hpp"
#include "freshet/stream/stream_builder.hpp"

// Rows with times, and runs on every engine that has to give the same of them.
namespace freshet {

/// For names of tests, which would show their bytes.
inline void PrintTo(const event_options&, std::ostream* out) { *out << "events"; }
inline void PrintTo(const batch_options&, std::ostream* out) { *out << "batches"; }

}  // namespace freshet

namespace freshet::samples {

struct reading {
  std::string key;
  event_time at{};
  std::int64_t value = 0;
  friend auto operator<=>(const reading&, const reading&) = default;
};

inline event_time ms(std::int64_t n) { return event_time{event_span{n}}; }

/// What a window gave, to be compared.
struct row {
  std::string key;
  std::int64_t start, end, value;
  std::uint32_t pane = 0;
  bool is_final = true;
  friend auto operator<=>(const row&, const row&) = default;
  friend std::ostream& operator<<(std::ostream& out, const row& r) {
    return out << r.key << " [" << r.start << ", " << r.end << ") " << r.value << " pane " << r.pane
               << (r.is_final ? "" : " not final");
  }
};
template <class V>
row row_of(const windowed<std::string, V>& w) {
  return {w.key,
          w.window.start.time_since_epoch().count(),
          w.window.end.time_since_epoch().count(),
          static_cast<std::int64_t>(w.value),
          w.pane,
          w.is_final};
}
template <class T>
std::vector<T> sorted(std::vector<T> all) {
  std::sort(all.begin(), all.end());
  return all;
}

using any_engine = std::variant<event_options, batch_options>;
inline topology_run start_on(const any_engine& engine, const topology& graph) {
  if (const auto* events = std::get_if<event_options>(&engine)) return event_executor{*events}.start(graph);
  return batch_executor{std::get<batch_options>(engine)}.start(graph);
}
inline std::vector<std::pair<std::string, any_engine>> every_engine() {
  std::vector<std::pair<std::string, any_engine>> all;
  for (auto g : {guarantee::best_effort, guarantee::at_least_once, guarantee::exactly_once}) {
    event_options o{.guarantee = g, .workers = 2};
    o.log = logger{};
    all.emplace_back("events_" + std::string(to_string(g)), o);
  }
  for (std::size_t rows : {1, 3, 1000}) {
    batch_options o{.trigger = batch_trigger::rows, .rows_per_batch = rows, .workers = 2};
    o.log = logger{};
    all.emplace_back("batches_of_" + std::to_string(rows), o);
  }
  return all;
}
/// For tests that wait for an answer before they go on: no batch waits for rows that aren't there.
inline any_engine answering_at_once(any_engine engine) {
  if (auto* batches = std::get_if<batch_options>(&engine)) {
    batches->trigger = batch_trigger::interval;
    batches->interval = std::chrono::milliseconds{1};
  }
  return engine;
}

/// One test for each engine.
class on_every_engine : public ::testing::TestWithParam<std::pair<std::string, any_engine>> {
 protected:
  void run() { start_on(GetParam().second, builder.build()).wait(); }
  /// The readings with their event times, as they came up to `bound` out of order.
  stream<reading> readings(std::vector<reading> all, event_time_options time = {}) {
    return builder.spout("readings", vector_spout<reading>{std::move(all)}).event_time(&reading::at, time);
  }
  /// What comes out of windows, sorted.
  template <class R>
  std::vector<row> rows(const R& windows) {
    using result = typename R::value_type;
    collect_sink<result> got;
    windows.to("results", got);
    run();
    std::vector<row> all;
    for (const auto& w : got.take()) all.push_back(row_of(w));
    return sorted(std::move(all));
  }
  stream_builder builder{"readings"};
};
inline std::string name_of_engine(const ::testing::TestParamInfo<std::pair<std::string, any_engine>>& p) {
  return p.param.first;
}

}  // namespace freshet::samples
