#pragma once
#include <cstdint>
#include <limits>

namespace freshet {

/// Pseudo-random numbers: xoshiro256** by Blackman and Vigna ("Scrambled linear pseudorandom number generators", ACM
/// TOMS 2021), its state filled by splitmix64 from one seed. The same seed gives the same numbers on every platform.
/// A uniform random bit generator. Not thread safe: one source a task. Not for secrets.
class random_source {
 public:
  using result_type = std::uint64_t;

  explicit random_source(std::uint64_t seed) noexcept;

  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

  result_type operator()() noexcept {
    const std::uint64_t out = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return out;
  }

  /// An integer in [0, n), each equally likely: Lemire, "Fast random integer generation in an interval" (ACM TOMACS
  /// 2019). REQUIRES: n > 0.
  std::uint64_t below(std::uint64_t n) noexcept;
  /// A number in [0, 1): one of 2^53 evenly spaced ones.
  double uniform01() noexcept { return static_cast<double>((*this)() >> 11) * 0x1p-53; }
  /// A number of the exponential distribution: the gaps between events that come at random, `mean` apart.
  double exponential(double mean) noexcept;
  /// True with probability `p`.
  bool chance(double p) noexcept { return uniform01() < p; }

 private:
  static constexpr std::uint64_t rotate(std::uint64_t x, int by) noexcept { return x << by | x >> (64 - by); }

  std::uint64_t state_[4];
};

/// A seed nobody can predict, from the system: for a run whose options name none. Record it, so that the run can be
/// repeated.
std::uint64_t system_seed();

}  // namespace freshet
