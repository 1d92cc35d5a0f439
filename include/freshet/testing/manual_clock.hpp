#pragma once
#include <atomic>
#include <chrono>

#include "freshet/base/clock.hpp"

namespace freshet::testing {

/// A clock that stands until a test moves it. Thread safe.
class manual_clock final : public clock {
 public:
  /// `wall` is what people would read on it at first: the Unix epoch, unless said otherwise.
  explicit manual_clock(event_time wall = event_time{}) : wall_(wall) {}

  std::chrono::steady_clock::time_point now() const noexcept override {
    return std::chrono::steady_clock::time_point(began + since());
  }
  event_time wall() const noexcept override {
    return wall_ + std::chrono::duration_cast<std::chrono::milliseconds>(since());
  }
  /// Only forward. REQUIRES: by >= 0.
  void advance(std::chrono::nanoseconds by) { since_.fetch_add(by.count(), std::memory_order_relaxed); }

 private:
  /// Away from 0, which many take for "never yet".
  static constexpr std::chrono::nanoseconds began = std::chrono::hours(1);
  // relaxed: a number of its own, behind which nothing is published.
  std::chrono::nanoseconds since() const { return std::chrono::nanoseconds(since_.load(std::memory_order_relaxed)); }

  const event_time wall_;
  std::atomic<std::int64_t> since_{0};
};

}  // namespace freshet::testing
