#include "batch/rate_limiter.hpp"

#include <algorithm>

namespace freshet {

namespace {
double seconds(std::chrono::nanoseconds t) { return std::chrono::duration<double>(t).count(); }
/// Back-to-back batches have no interval of their own: a tenth of a second smooths as the default interval does.
std::chrono::nanoseconds usable(std::chrono::nanoseconds interval) {
  return interval > std::chrono::nanoseconds{} ? interval : std::chrono::milliseconds(100);
}
}  // namespace

rate_limiter::rate_limiter(const backpressure_options& options, std::chrono::nanoseconds interval)
    : enabled_(options.enabled),
      interval_s_(seconds(usable(interval))),
      estimate_(interval_s_ * 1000, options),
      rate_(options.initial_rate) {}

std::uint32_t rate_limiter::take(std::uint32_t want, time_point now, time_point& until) {
  std::lock_guard lock(mutex_);
  if (rate_ <= 0) return want;
  if (filled_ == time_point{}) filled_ = now;
  saved_ = std::min(saved_ + seconds(now - filled_) * rate_, std::max(1.0, interval_s_ * rate_));
  filled_ = now;
  const auto got = static_cast<std::uint32_t>(std::clamp(saved_, 0.0, static_cast<double>(want)));
  if (got == 0) until = now + std::chrono::nanoseconds(1 + static_cast<std::int64_t>((1 - saved_) / rate_ * 1e9));
  saved_ -= got;
  return got;
}

void rate_limiter::give_back(std::int64_t rows) {
  std::lock_guard lock(mutex_);
  saved_ += static_cast<double>(rows);
}

void rate_limiter::learn(time_point now, std::uint64_t rows, std::chrono::nanoseconds processing,
                         std::chrono::nanoseconds scheduling) {
  std::lock_guard lock(mutex_);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  if (auto rate = estimate_.compute(ms, static_cast<std::int64_t>(rows), seconds(processing) * 1000,
                                    seconds(scheduling) * 1000))
    rate_ = *rate;
}

double rate_limiter::rate() const {
  std::lock_guard lock(mutex_);
  return rate_;
}

}  // namespace freshet
