#pragma once
#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "freshet/stream/aggregate.hpp"
#include "freshet/stream/aggregate_field.hpp"

// Aggregates of numbers, for `aggregate` and windows. Each takes a field of the tuple (a pointer to member or a
// function), or the tuple itself:  sum{&order::amount}   mean{[](const order& o) { return o.price * o.pieces; }}
// max<double>{} All can be merged, start neutral, and their accumulators have codecs. Immutable values, safe to share.
namespace freshet::aggregates {

/// How many tuples: std::uint64_t.
template <class T>
using count = count_aggregate<T>;

namespace detail {
template <class V>
struct total_of {
  using type = std::remove_cvref_t<decltype(std::declval<const V&>() + std::declval<const V&>())>;
};
template <std::integral V>
struct total_of<V> {
  using type = std::conditional_t<std::is_signed_v<V>, std::int64_t, std::uint64_t>;
};
template <std::floating_point V>
struct total_of<V> {
  using type = double;
};
}  // namespace detail

/// The total: integers as 64 bits, modulo 2^64; floating point as double, rounded at every step, so that the last
/// digits depend on the order; other types (durations, one's own) by their `+`, from a default constructed value on.
template <class T, class F = std::identity>
struct sum {
  static constexpr bool starts_neutral = true;
  using total = typename detail::total_of<field_t<T, F>>::type;
  F of{};

  void add(total& so_far, const T& value) const { merge(so_far, static_cast<total>(std::invoke(of, value))); }
  void merge(total& into, const total& from) const {
    if constexpr (std::is_integral_v<total>)
      into = static_cast<total>(static_cast<std::uint64_t>(into) + static_cast<std::uint64_t>(from));  // may wrap
    else into = into + from;
  }
};
template <class F>
sum(F) -> sum<owner_t<F>, F>;

/// What `mean` collects in.
struct total_and_count {
  double total = 0;
  std::uint64_t count = 0;
};
/// The arithmetic mean, as double: the sum of the values as doubles, divided by their number.
template <class T, class F = std::identity>
struct mean {
  static constexpr bool starts_neutral = true;
  F of{};

  void add(total_and_count& so_far, const T& value) const {
    so_far.total += static_cast<double>(std::invoke(of, value));
    ++so_far.count;
  }
  void merge(total_and_count& into, const total_and_count& from) const {
    into.total += from.total;
    into.count += from.count;
  }
  double result(const total_and_count& a) const { return a.total / static_cast<double>(a.count); }
};
template <class F>
mean(F) -> mean<owner_t<F>, F>;

/// Count, mean and spread of numbers, by Welford's updates ("Note on a method for calculating corrected sums of squares
/// and products", Technometrics 1962), merged by Chan, Golub and LeVeque ("Updating formulae and a pairwise algorithm
/// for computing sample variances", COMPSTAT 1982): no cancellation where the mean is large beside the spread.
struct moments {
  std::uint64_t count = 0;
  double mean = 0;
  double squares = 0;  ///< sum of the squared distances from the mean

  void add(double x) noexcept {
    ++count;
    const double off = x - mean;
    mean += off / static_cast<double>(count);
    squares += off * (x - mean);
  }
  void merge(const moments& other) noexcept {
    if (other.count == 0) return;
    const double mine = static_cast<double>(count), its = static_cast<double>(other.count), off = other.mean - mean;
    count += other.count;
    mean += off * (its / (mine + its));
    squares += other.squares + off * off * (mine * its / (mine + its));
  }
  /// Of these numbers as all there are; NaN of none.
  double variance() const noexcept { return squares / static_cast<double>(count); }
  /// Of what these numbers are a sample of; NaN of fewer than two.
  double sample_variance() const noexcept {
    return count < 2 ? std::numeric_limits<double>::quiet_NaN() : squares / static_cast<double>(count - 1);
  }
  double deviation() const noexcept { return std::sqrt(variance()); }
  double sample_deviation() const noexcept { return std::sqrt(sample_variance()); }
};
/// The variance and all that goes with it: `moments`.
template <class T, class F = std::identity>
struct variance {
  static constexpr bool starts_neutral = true;
  F of{};

  void add(moments& m, const T& value) const { m.add(static_cast<double>(std::invoke(of, value))); }
  void merge(moments& into, const moments& from) const { into.merge(from); }
};
template <class F>
variance(F) -> variance<owner_t<F>, F>;

namespace detail {
/// The value for which `Before` holds against all others.
template <class T, class F, class Before>
class extreme {
 public:
  static constexpr bool starts_neutral = true;
  using value = field_t<T, F>;
  explicit extreme(F of = {}) : of_(std::move(of)) {}

  void add(std::optional<value>& best, const T& tuple) const { put(best, std::invoke(of_, tuple)); }
  void merge(std::optional<value>& into, const std::optional<value>& from) const {
    if (from) put(into, *from);
  }
  value result(const std::optional<value>& best) const {
    if constexpr (std::is_floating_point_v<value>) return best.value_or(std::numeric_limits<value>::quiet_NaN());
    else return *best;
  }

 private:
  static void put(std::optional<value>& best, const value& v) {
    if constexpr (std::is_floating_point_v<value>)
      if (std::isnan(v)) return;
    if (!best || Before{}(v, *best)) best = v;
  }
  F of_;
};
}  // namespace detail

/// The least value of a field, by `<`. NaN counts only where there is nothing else.
template <class T, class F = std::identity>
struct min : detail::extreme<T, F, std::less<>> {
  using detail::extreme<T, F, std::less<>>::extreme;
};
template <class F>
min(F) -> min<owner_t<F>, F>;
/// The greatest value of a field, by `<`. NaN counts only where there is nothing else.
template <class T, class F = std::identity>
struct max : detail::extreme<T, F, std::greater<>> {
  using detail::extreme<T, F, std::greater<>>::extreme;
};
template <class F>
max(F) -> max<owner_t<F>, F>;

}  // namespace freshet::aggregates
