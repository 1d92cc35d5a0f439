#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "conformance/expected_rows.hpp"
#include "freshet/connect/memory/collect_sink.hpp"
#include "freshet/stream/stream_builder.hpp"

// x__watermark_drops: how many tuples come too late for their window, by the size of windows and the watermark's bound.
namespace freshet::conformance {

/// Counts by windows and by a key: late is late whatever else a key has. Copies share what they have found.
template <class T, class K>
class late_counts {
 public:
  explicit late_counts(event_span size) : size_(size) {}

  /// Adds the nodes `name`, `name`.rows and `name`.late.
  template <class F>
  void count(const stream<T>& in, F key, const std::string& name, std::size_t parallelism) const {
    const auto counts = in.key_by(key).window(tumbling{size_}).count(name, {.parallelism = parallelism});
    counts.to(name + ".rows", counts_);
    counts.late().to(name + ".late", late_);
  }
  /// What a run has found, as a row of the answer.
  row take(event_span bound) {
    std::map<event_time, std::uint64_t> by_window;
    std::int64_t on_time = 0;
    for (const auto& w : counts_.take()) {
      by_window[w.window.start] += w.value;
      on_time += static_cast<std::int64_t>(w.value);
    }
    return {size_.count(), bound.count(), on_time, std::ssize(late_.take()), std::ssize(by_window)};
  }

 private:
  event_span size_;
  collect_sink<windowed<K, std::uint64_t>> counts_;
  collect_sink<late_tuple<T>> late_;
};

/// The rows of the answer for one bound.
inline answer of_bound(answer all, event_span bound) {
  std::erase_if(all.rows, [&](const auto& each) { return each.at(1) != std::to_string(bound.count()); });
  return all;
}

}  // namespace freshet::conformance
