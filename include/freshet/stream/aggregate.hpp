#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "freshet/stream/function_check.hpp"
#include "freshet/stream/keyed.hpp"

namespace freshet {

namespace detail {
template <class A>
consteval auto accumulator_of() {
  if constexpr (requires { typename signature<decltype(&A::add)>::args; })
    return std::type_identity<typename first_arg<typename signature<decltype(&A::add)>::args>::type>{};
  else return std::type_identity<void>{};
}
}  // namespace detail

/// What an aggregate collects in: the first parameter of its `add`; void where it has none, or several.
template <class A>
using accumulator_t = typename decltype(detail::accumulator_of<A>())::type;

/// The accumulator's answer: `result(accumulator)`, or the accumulator itself.
template <class A>
auto result_of(const A& a, const accumulator_t<A>& acc) {
  if constexpr (requires { a.result(acc); }) return a.result(acc);
  else return acc;
}
/// The type of an aggregate's answer.
template <class A>
using aggregate_result_t = decltype(result_of(std::declval<const A&>(), std::declval<const accumulator_t<A>&>()));

/// An aggregate whose accumulators can be put together: what combining before a shuffle needs.
template <class A>
concept mergeable_aggregate = requires(const A& a, accumulator_t<A>& into, const accumulator_t<A>& from) {
  a.merge(into, from);
};

/// An accumulator starts as `init()` gives it, or else default constructed.
template <class A>
concept starts_by_init = requires(const A& a) {
  { a.init() } -> std::convertible_to<accumulator_t<A>>;
};
/// A new accumulator.
template <class A>
accumulator_t<A> started(const A& a) {
  if constexpr (starts_by_init<A>) return a.init();
  else return accumulator_t<A>{};
}
/// The library's own: merging into a default constructed accumulator gives the other one.
template <class A>
concept starts_neutral = A::starts_neutral;

namespace wiring {
/// The aggregate can add the stream's values.
template <class Aggregate, class Given>
struct check_aggregate {
  static consteval bool adds() {
    using Acc = accumulator_t<Aggregate>;
    if constexpr (std::is_void_v<Acc>) return false;
    else return requires(const Aggregate& a, Acc& acc, const Given& v) {
        a.add(acc, v);
      };
  }
  static constexpr bool ok = adds();
  static_assert(ok,
                "an aggregate needs  void add(accumulator&, const T&) const  for the stream's type, and may have "
                "init(), merge(accumulator&, const accumulator&) and result(const accumulator&), all const");
};
/// The function makes one value of two.
template <class Function, class Given>
struct check_reduce {
  static constexpr bool ok = std::is_invocable_r_v<Given, Function&, const Given&, const Given&>;
  static_assert(ok, "reduce needs  T f(const T&, const T&)  for the stream's type (see Given above)");
};
/// What was combined in several places can be put together.
template <class Aggregate>
struct check_combine {
  static constexpr bool ok = mergeable_aggregate<Aggregate>;
  static_assert(ok,
                "behind combine() tuples are put together before they are sent, so the aggregate needs  void "
                "merge(accumulator& into, const accumulator& from) const");
};
}  // namespace wiring

/// How `reduce` is an aggregate: the first value as it is, the following by `f`.
template <class T, class F>
struct reduce_aggregate {
  static constexpr bool starts_neutral = true;
  mutable F f;  // one copy a task, so that a lambda may be mutable
  void add(std::optional<T>& acc, const T& value) const {
    if (acc) *acc = std::invoke(f, std::as_const(*acc), value);
    else acc.emplace(value);
  }
  void merge(std::optional<T>& into, const std::optional<T>& from) const {
    if (from) add(into, *from);
  }
  T result(const std::optional<T>& acc) const { return *acc; }
};

/// How `count` is an aggregate.
template <class T>
struct count_aggregate {
  static constexpr bool starts_neutral = true;
  void add(std::uint64_t& n, const T&) const { ++n; }
  void merge(std::uint64_t& into, const std::uint64_t& from) const { into += from; }
};

}  // namespace freshet
