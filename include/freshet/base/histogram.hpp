#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace freshet {

/// Latencies in nanoseconds, counted in buckets whose width grows with the value: every value up to 127 ns has its
/// own, and each power of two above is cut into 64 equal ones, so a percentile is at most 1/64 (1.6 %) above the true
/// value. The log-linear layout of HdrHistogram (Gil Tene). Covers 0 ns to `largest` (73 minutes); longer ones count
/// as that, but `max` and `mean` stay exact. Takes 19 KB and never allocates; recording takes about 3 ns. One writer,
/// no concurrent reader: merge a copy.
class histogram {
 public:
  static constexpr std::uint64_t largest = (std::uint64_t{1} << 42) - 1;

  /// Counts a latency `count` times.
  void record(std::uint64_t ns, std::uint64_t count = 1) noexcept {
    if (count == 0) return;
    counts_[bucket_of(std::min(ns, largest))] += count;
    count_ += count;
    sum_ += static_cast<double>(ns) * static_cast<double>(count);
    min_ = std::min(min_, ns);
    max_ = std::max(max_, ns);
  }
  /// Adds what `other` has counted.
  void merge(const histogram& other) noexcept;
  void reset() noexcept { *this = histogram{}; }

  std::uint64_t count() const noexcept { return count_; }
  /// Exact, and 0 while nothing is counted; so are `max` and `mean`.
  std::uint64_t min() const noexcept { return count_ ? min_ : 0; }
  std::uint64_t max() const noexcept { return max_; }
  double mean() const noexcept { return count_ ? sum_ / static_cast<double>(count_) : 0; }
  /// The least bucket bound that `p` percent of the latencies don't exceed, never above `max`: percentile(99.9). `p` is
  /// taken into [0, 100]; 0 gives `min`. 0 while nothing is counted.
  std::uint64_t percentile(double p) const noexcept;

 private:
  static constexpr std::size_t steps = 64;  ///< buckets a power of two
  static constexpr int step_bits = 6;
  static constexpr std::size_t buckets = (42 - step_bits + 1) * steps;

  static constexpr std::size_t bucket_of(std::uint64_t ns) noexcept {
    const int shift = std::max(0, static_cast<int>(std::bit_width(ns)) - step_bits - 1);
    return static_cast<std::size_t>(shift) * steps + static_cast<std::size_t>(ns >> shift);
  }
  static std::uint64_t upper_bound_of(std::size_t bucket) noexcept;

  std::array<std::uint64_t, buckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace freshet
