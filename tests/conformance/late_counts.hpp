#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "conformance/expected_rows.hpp"
#include "conformance/on_both_engines.hpp"
#include "conformance/window_rows.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

// x__watermark_drops: how many tuples come too late for their window, by the size of windows and the watermark's bound.
namespace freshet::conformance {

/// Counts by windows and by a key, for each bound of the watermark: late is late whatever else a key has.
template <class T, class K>
class late_counts {
 public:
  late_counts(const std::vector<event_span>& sizes, std::vector<event_span> bounds) : bounds_(std::move(bounds)) {
    for (const auto bound : bounds_)
      for (const auto size : sizes) counts_.push_back({size, bound, {}, {}});
  }

  /// Adds, for each bound, a spout that reads `rows`, as a spout has one clock, and a node for each size.
  template <class Spout, class Time, class Key>
  void count(stream_builder& builder, const Spout& rows, Time time, Key key, std::size_t parallelism) const {
    for (const auto bound : bounds_) {
      const auto keyed = builder.spout(of(bound), rows).event_time(time, {.bound = bound}).key_by(key);
      for (const auto& c : counts_) {
        if (c.bound != bound) continue;
        const auto counted = keyed.window(tumbling{c.size}).count(name(c), {.parallelism = parallelism});
        counted.to(name(c) + ".rows", c.in_time);
        counted.late().to(name(c) + ".late", c.late);
      }
    }
  }
  std::vector<std::string> may_throw() const {
    std::vector<std::string> names;
    for (const auto bound : bounds_) names.push_back(of(bound) + ".event_time");
    for (const auto& c : counts_) names.push_back(name(c));
    return names;
  }
  /// What a run has found.
  std::vector<row> take() {
    std::vector<row> rows;
    for (auto& c : counts_) {
      std::map<event_time, std::uint64_t> by_window;
      std::uint64_t in_time = 0;
      for (const auto& w : c.in_time.take()) {
        by_window[w.window.start] += w.value;
        in_time += w.value;
      }
      rows.push_back(detail::row_of(c.size.count(), c.bound.count(), in_time, c.late.take().size(), by_window.size()));
    }
    return rows;
  }
  /// The size and the bound say which row it is. Of a message that is emitted again the clock takes no notice, so less
  /// may be late.
  static constexpr columns are{.keys = 2, .sums = 1};

 private:
  struct one {
    event_span size, bound;
    collect_sink<windowed<K, std::uint64_t>> in_time;
    collect_sink<late_tuple<T>> late;
  };
  static std::string of(event_span bound) { return "bound " + std::to_string(bound.count()); }
  static std::string name(const one& c) { return of(c.bound) + ", size " + std::to_string(c.size.count()); }

  std::vector<event_span> bounds_;
  std::vector<one> counts_;
};

/// Checks `drops`, and with it `in_time`: the counts by windows of `size` of what is in time for the bound `bound`.
template <class T, class K, class Rows, class Time, class Key>
void check_watermark_drops(const char* topology, late_counts<T, K>& late, const Rows& rows, Time time, Key key,
                           event_span size, event_span bound, const char* drops, const char* in_time) {
  collect_sink<windowed<whole_stream, std::uint64_t>> counted;
  const auto build = [&](std::size_t parallelism) {
    stream_builder builder(topology);
    late.count(builder, rows, time, key, parallelism);
    builder.spout("rows", rows)
        .event_time(time, {.bound = bound})
        .window(tumbling{size})
        .count("in time")
        .to("counts", counted);
    return builder.build();
  };
  auto may_throw = late.may_throw();
  may_throw.push_back("in time");
  on_both_engines({.build = build, .may_throw = may_throw}, [&](delivery how) {
    EXPECT_TRUE(as_promised(how, drops, late.take(), late.are));
    EXPECT_TRUE(as_promised(how, in_time, by_start(counted.take()), {.keys = 1}));
  });
}

}  // namespace freshet::conformance
