#pragma once
#include <cstdint>
#include <optional>

#include "freshet/batch/batch_options.hpp"

namespace freshet {

/// How many rows a second can be processed, learnt from each batch: Spark Streaming's PIDRateEstimator. Not thread
/// safe.
class pid_rate {
 public:
  /// REQUIRES: batch_interval_ms > 0.
  pid_rate(double batch_interval_ms, const backpressure_options& options)
      : interval_ms_(batch_interval_ms), options_(options) {}

  /// A batch ended at `time_ms` with `rows`, after `processing_ms` of work that began `scheduling_ms` late. Nothing for
  /// the first batch, and for those that say nothing (no rows, no time, or not later than the one before).
  std::optional<double> compute(std::int64_t time_ms, std::int64_t rows, double processing_ms, double scheduling_ms);

 private:
  const double interval_ms_;
  const backpressure_options options_;
  bool first_ = true;
  std::int64_t latest_time_ms_ = -1;
  double latest_rate_ = -1, latest_error_ = -1;
};

}  // namespace freshet
