#include "batch/pid_rate.hpp"

#include <algorithm>

namespace freshet {

std::optional<double> pid_rate::compute(std::int64_t time_ms, std::int64_t rows, double processing_ms,
                                        double scheduling_ms) {
  if (time_ms <= latest_time_ms_ || rows <= 0 || processing_ms <= 0) return std::nullopt;
  const double since_s = static_cast<double>(time_ms - latest_time_ms_) / 1000;
  const double processing_rate = static_cast<double>(rows) / processing_ms * 1000;
  latest_time_ms_ = time_ms;
  if (first_) {
    first_ = false;
    latest_rate_ = processing_rate;
    latest_error_ = 0;
    return std::nullopt;
  }
  const double error = latest_rate_ - processing_rate;
  // What waits because batches began late, as rows a second to be worked off within one interval.
  const double historical = scheduling_ms * processing_rate / interval_ms_;
  const double change = (error - latest_error_) / since_s;
  latest_rate_ = std::max(options_.min_rate, latest_rate_ - options_.proportional * error -
                                                 options_.integral * historical - options_.derivative * change);
  latest_error_ = error;
  return latest_rate_;
}

}  // namespace freshet
