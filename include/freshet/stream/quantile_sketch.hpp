#pragma once
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "freshet/core/codec.hpp"

namespace freshet {

/// Quantiles of numbers within a relative error: DDSketch (Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable
/// quantile sketch with relative-error guarantees", VLDB 2019). Values fall into buckets (g^(i-1), g^i] with
/// g = (1 + error) / (1 - error), by magnitude, apart for each sign; an answer is off by at most `error` of the value
/// that has the rank asked for. At most 2,048 buckets a sign: where magnitudes span more than g^2048 (with 1 %: by a
/// factor of 6e17), those below share the lowest bucket and lose the guarantee; larger ones keep it. Magnitudes under
/// 1e-300 count as 0, infinite ones as the largest finite number, NaN not at all. The least and the greatest value are
/// exact.
/// What it holds follows from the values alone, not from their order or the merges. 12 bytes a bucket that isn't empty;
/// adding costs a logarithm and a binary search. Not thread safe.
class quantile_sketch {
 public:
  /// Throws std::invalid_argument where `relative_error` isn't above 0.000001 and below 1.
  explicit quantile_sketch(double relative_error = 0.01);

  void add(double value);
  /// REQUIRES: the same relative error.
  void merge(const quantile_sketch& other);
  /// The value of rank q * (count - 1), rounded down, of the sorted values: 0.5 gives the median. `q` is held within
  /// 0 and 1. NaN where there are no values.
  double quantile(double q) const;
  std::uint64_t count() const noexcept { return count_; }
  double relative_error() const noexcept { return error_; }

  friend bool operator==(const quantile_sketch&, const quantile_sketch&) = default;

 private:
  friend struct codec<quantile_sketch>;
  using bucket = std::pair<std::int32_t, std::uint64_t>;  // which, and how many values
  using buckets = std::vector<bucket>;                    // sorted

  static void put(buckets& into, std::int32_t which, std::uint64_t values);
  std::int32_t bucket_of(double magnitude) const;
  double value_of(std::int32_t which) const;
  bool is_good(const buckets&) const;
  double estimate(std::uint64_t rank) const;

  double error_;
  double log_base_;  // of g
  std::uint64_t count_ = 0, zeros_ = 0;
  double least_ = std::numeric_limits<double>::infinity();
  double greatest_ = -std::numeric_limits<double>::infinity();
  buckets negative_, positive_;
};

/// Bytes that no sketch gives are a failure.
template <>
struct codec<quantile_sketch> {
  static constexpr std::uint32_t version = 1;
  static void write(writer&, const quantile_sketch&);
  static void read(reader&, quantile_sketch&, std::uint32_t);
};

}  // namespace freshet
