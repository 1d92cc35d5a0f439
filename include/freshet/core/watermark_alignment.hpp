#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "freshet/base/event_time.hpp"

namespace freshet {

/// Where event time stands in the tasks of one spout during a run, so that those ahead can wait for the others. Thread
/// safe: each task writes its own number, and what the others read may be some milliseconds old (relaxed, as nothing
/// hangs on it but when they poll).
class watermark_alignment {
 public:
  explicit watermark_alignment(std::size_t tasks) : slowest_(tasks) {
    for (auto& s : slowest_) s.store(beginning_of_time.time_since_epoch().count(), std::memory_order_relaxed);
  }
  /// The least watermark among the task's partitions that hold others back; the end of time: it has none.
  void tell(std::size_t task, event_time slowest) {
    slowest_[task].store(slowest.time_since_epoch().count(), std::memory_order_relaxed);
  }
  event_time least() const {
    event_time least = end_of_time;
    for (const auto& s : slowest_)
      least = std::min(least, event_time{event_time::duration{s.load(std::memory_order_relaxed)}});
    return least;
  }

 private:
  std::vector<std::atomic<std::int64_t>> slowest_;
};

}  // namespace freshet
