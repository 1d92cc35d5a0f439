#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>

#include "batch/pid_rate.hpp"

namespace freshet {

/// Deals out rows a second to the spouts, as many as the estimator of past batches believes in. What isn't taken is
/// saved for at most one interval. Thread safe.
class rate_limiter {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  rate_limiter(const backpressure_options& options, std::chrono::nanoseconds interval);

  bool enabled() const { return enabled_; }
  /// So many of `want` rows may be polled now; when none, `until` says when to ask again.
  std::uint32_t take(std::uint32_t want, time_point now, time_point& until);
  void give_back(std::int64_t rows);
  /// A batch is done.
  void learn(time_point now, std::uint64_t rows, std::chrono::nanoseconds processing,
             std::chrono::nanoseconds scheduling);
  /// Rows a second; 0: no limit yet.
  double rate() const;

 private:
  const bool enabled_;
  const double interval_s_;
  mutable std::mutex mutex_;
  pid_rate estimate_;
  double rate_;
  double saved_ = 0;  ///< rows that may be taken; below 0 after a poll that gave more than it was asked for
  time_point filled_{};
};

}  // namespace freshet
