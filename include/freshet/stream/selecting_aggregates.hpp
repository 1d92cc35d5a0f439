#pragma once
#include <algorithm>
#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "freshet/core/codec.hpp"
#include "freshet/state/list_state.hpp"
#include "freshet/stream/aggregate.hpp"
#include "freshet/stream/aggregate_field.hpp"

// Aggregates that keep whole tuples. All can be merged, start neutral, and their accumulators have codecs where the
// tuples have. Immutable values, safe to share.
namespace freshet::aggregates {

namespace detail {
template <class T, class F, bool Latest>
class endmost {
 public:
  static constexpr bool starts_neutral = true;
  explicit endmost(F at) : at_(std::move(at)) {}

  void add(std::optional<T>& kept, const T& tuple) const {
    if (!kept || replaces(tuple, *kept)) kept = tuple;
  }
  void merge(std::optional<T>& into, const std::optional<T>& from) const {
    if (from) add(into, *from);
  }
  T result(const std::optional<T>& kept) const { return *kept; }

 private:
  bool replaces(const T& tuple, const T& kept) const {
    if constexpr (Latest) return !(std::invoke(at_, tuple) < std::invoke(at_, kept));
    else return std::invoke(at_, tuple) < std::invoke(at_, kept);
  }
  F at_;
};
}  // namespace detail

/// The tuple with the least `at`, a time or anything else with `<`:  first{&order::when}. Of equal ones the one that
/// was added first; to make that independent of order too, let `at` give what tells them apart (a std::tuple).
template <class T, class F>
struct first : detail::endmost<T, F, false> {
  using detail::endmost<T, F, false>::endmost;
};
template <class F>
first(F) -> first<owner_t<F>, F>;
/// The tuple with the greatest `at`; of equal ones the one that was added last.
template <class T, class F>
struct last : detail::endmost<T, F, true> {
  using detail::endmost<T, F, true>::endmost;
};
template <class F>
last(F) -> last<owner_t<F>, F>;

/// Of tuples that a rank does not tell apart the first are those that were added first.
struct added_first {
  template <class T>
  static bool is_above(const T&, const T&) {
    return false;
  }
};
/// The least are the first, by their own order where it is a strong one, else by the bytes that their codec writes: in
/// whichever order they were added.
struct least_first {
  template <class T>
  static bool is_above(const T& a, const T& b) {
    if constexpr (std::three_way_comparable<T, std::strong_ordering>) return a < b;
    else return bytes_of(a) < bytes_of(b);
  }

 private:
  template <class T>
  static std::string bytes_of(const T& tuple) {
    writer w;
    write_value(w, tuple);
    return w.take();
  }
};

/// The `size` tuples with the greatest `by`, greatest first:  top_k{10, &page::visits}. Of equal ones those that were
/// added first, or as `Ties` says; let `by` give a std::tuple to tell them apart. Adding costs O(size).
template <class T, class F = std::identity, class Ties = added_first>
struct top_k {
  static constexpr bool starts_neutral = true;
  std::size_t size = 1;
  F by{};

  void add(std::vector<T>& top, const T& tuple) const {
    if (top.size() >= size && (size == 0 || !is_above(tuple, top.back()))) return;
    const auto at = std::partition_point(top.begin(), top.end(), [&](const T& t) { return !is_above(tuple, t); });
    top.insert(at, tuple);
    if (top.size() > size) top.pop_back();
  }
  void merge(std::vector<T>& into, const std::vector<T>& from) const {
    for (const T& tuple : from) add(into, tuple);
  }

 private:
  bool is_above(const T& a, const T& b) const {
    if (std::invoke(by, b) < std::invoke(by, a)) return true;
    return !(std::invoke(by, a) < std::invoke(by, b)) && Ties::is_above(a, b);
  }
};
template <class F>
top_k(std::size_t, F) -> top_k<owner_t<F>, F>;

/// All tuples, or one field of each, in the order they were added: as much memory as there are.
template <class T, class F = std::identity>
struct collect {
  static constexpr bool starts_neutral = true;
  using value = field_t<T, F>;
  F of{};

  void add(list_state<value>& all, const T& tuple) const { all.push_back(std::invoke(of, tuple)); }
  void merge(list_state<value>& into, const list_state<value>& from) const {
    for (const value& v : from) into.push_back(v);
  }
  std::vector<value> result(const list_state<value>& all) const { return {all.begin(), all.end()}; }
};
template <class F>
collect(F) -> collect<owner_t<F>, F>;

}  // namespace freshet::aggregates
