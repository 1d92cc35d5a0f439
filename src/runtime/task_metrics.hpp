#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "freshet/runtime/metrics.hpp"

namespace freshet {

/// A counter with one writer. Relaxed load and store instead of an atomic addition: no other thread writes.
class counter {
 public:
  void add(std::uint64_t n) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(std::uint64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// How long a spout's task has had nothing at hand: from a poll that said so until the next. One thread writes, once a
/// poll; others read what may leave out the last stretch for a moment.
class empty_handed {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  void begin(time_point now) noexcept { since_.set(static_cast<std::uint64_t>(now.time_since_epoch().count())); }
  void end(time_point now) noexcept {
    if (const auto since = since_.get()) {
      since_.set(0);
      ended_.add(passed(since, now));
    }
  }
  std::uint64_t ns_at(time_point now) const noexcept {
    const auto since = since_.get();
    return ended_.get() + (since ? passed(since, now) : 0);
  }

 private:
  static std::uint64_t passed(std::uint64_t since, time_point now) noexcept {
    const auto at = static_cast<std::uint64_t>(now.time_since_epoch().count());
    return at - std::min(at, since);
  }
  counter since_, ended_;
};

/// A histogram that one thread writes, once a batch, and others copy.
class shared_histogram {
 public:
  void record(std::uint64_t ns, std::uint64_t count) {
    std::lock_guard lock(mutex_);
    histogram_.record(ns, count);
  }
  void merge(const histogram& other) {
    std::lock_guard lock(mutex_);
    histogram_.merge(other);
  }
  histogram copy() const {
    std::lock_guard lock(mutex_);
    return histogram_;
  }

 private:
  mutable std::mutex mutex_;
  histogram histogram_;
};

/// What has left one task on one edge.
struct edge_output {
  edge_metrics edge;
  std::uint64_t emitted = 0;  ///< tuples, each once however many tasks got it
};

}  // namespace freshet
