#include "freshet/base/histogram.hpp"

#include <cmath>

namespace freshet {

void histogram::merge(const histogram& other) noexcept {
  for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

std::uint64_t histogram::upper_bound_of(std::size_t bucket) noexcept {
  const std::size_t shift = bucket < 2 * steps ? 0 : bucket / steps - 1;
  return ((std::uint64_t{bucket - shift * steps} + 1) << shift) - 1;
}

std::uint64_t histogram::percentile(double p) const noexcept {
  if (count_ == 0) return 0;
  const double percent = std::clamp(p, 0.0, 100.0);
  if (percent == 0) return min_;
  // In this order 99.9 percent of 1000 are 999, not 999.0000000000001.
  const double wanted = std::ceil(percent * static_cast<double>(count_) / 100.0);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    below += counts_[i];
    if (static_cast<double>(below) >= wanted) return i + 1 == buckets ? max_ : std::min(upper_bound_of(i), max_);
  }
  return max_;
}

}  // namespace freshet
