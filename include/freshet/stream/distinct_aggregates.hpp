#pragma once
#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>
#include <variant>
#include <vector>

#include "freshet/core/stable_hash.hpp"
#include "freshet/state/map_state.hpp"
#include "freshet/stream/aggregate.hpp"
#include "freshet/stream/aggregate_field.hpp"
#include "freshet/stream/hyper_log_log.hpp"
#include "freshet/stream/quantile_sketch.hpp"

// Aggregates that must remember what they have seen. All can be merged, and their accumulators have codecs. Immutable
// values, safe to share.
namespace freshet::aggregates {

/// How many different values a field had, exactly: std::uint64_t. Keeps each of them.
template <class T, class F = std::identity>
struct distinct {
  static constexpr bool starts_neutral = true;
  static_assert(key_value<field_t<T, F>>,
                "distinct compares values as keys: they need a stable_hash (so no floating point)");
  using values = map_state<field_t<T, F>, std::monostate>;
  F of{};

  void add(values& seen, const T& tuple) const { seen.insert(std::invoke(of, tuple), {}); }
  void merge(values& into, const values& from) const {
    for (const auto& each : from) into.insert(each.key, {});
  }
  std::uint64_t result(const values& seen) const { return seen.size(); }
};
template <class F>
distinct(F) -> distinct<owner_t<F>, F>;

/// About how many different values a field had, in at most 4 KiB: std::uint64_t. Exact up to 512 of them, beyond with a
/// standard error of 1.6 % (see `hyper_log_log`).
template <class T, class F = std::identity>
struct approximate_distinct {
  static constexpr bool starts_neutral = true;
  static_assert(key_value<field_t<T, F>>,
                "approximate_distinct hashes values as keys: they need a stable_hash (so no floating point)");
  F of{};

  void add(hyper_log_log& seen, const T& tuple) const {
    seen.add(stable_hash<field_t<T, F>>::of(std::invoke(of, tuple)));
  }
  void merge(hyper_log_log& into, const hyper_log_log& from) const { into.merge(from); }
  std::uint64_t result(const hyper_log_log& seen) const {
    return static_cast<std::uint64_t>(std::llround(seen.estimate()));
  }
};
template <class F>
approximate_distinct(F) -> approximate_distinct<owner_t<F>, F>;

/// Quantiles of a numeric field, each within a relative error (see `quantile_sketch`), in the order they are asked for:
///     quantiles{&request::ms, {0.5, 0.99}}      quantiles{&request::ms, {0.5}, 0.001}
template <class T, class F>
class quantiles {
 public:
  /// Throws std::invalid_argument where `relative_error` isn't above 0.000001 and below 1.
  quantiles(F of, std::vector<double> which, double relative_error = 0.01)
      : of_(std::move(of)), which_(std::move(which)), empty_(relative_error) {}

  quantile_sketch init() const { return empty_; }
  void add(quantile_sketch& s, const T& tuple) const { s.add(static_cast<double>(std::invoke(of_, tuple))); }
  void merge(quantile_sketch& into, const quantile_sketch& from) const { into.merge(from); }
  std::vector<double> result(const quantile_sketch& s) const {
    std::vector<double> all;
    for (const double q : which_) all.push_back(s.quantile(q));
    return all;
  }

 private:
  F of_;
  std::vector<double> which_;
  quantile_sketch empty_;
};
template <class F>
quantiles(F, std::vector<double>) -> quantiles<owner_t<F>, F>;
template <class F>
quantiles(F, std::vector<double>, double) -> quantiles<owner_t<F>, F>;

}  // namespace freshet::aggregates
