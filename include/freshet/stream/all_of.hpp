#pragma once
#include <cstddef>
#include <tuple>
#include <utility>

#include "freshet/stream/aggregate.hpp"

namespace freshet::aggregates {

namespace detail {
template <class A>
struct value_added {};
template <class A>
requires(requires { typename signature<decltype(&A::add)>::args; }) struct value_added<A> {
  template <class L>
  struct second;
  template <class Acc, class T>
  struct second<parameter_list<Acc, T>> {
    using type = std::remove_cvref_t<T>;
  };
  using type = typename second<typename signature<decltype(&A::add)>::args>::type;
};
template <class A, class...>
struct value_of_first : value_added<A> {};
}  // namespace detail

/// Several aggregates of the same tuples at once; the result is the std::tuple of theirs:
///     all_of{count<order>{}, sum{&order::amount}, max{&order::amount}}
/// It can be merged if all of them can. Immutable, safe to share.
template <class... A>
struct all_of {
  static_assert(sizeof...(A) > 0, "all_of needs at least one aggregate");
  static constexpr bool starts_neutral = (freshet::starts_neutral<A> && ...);
  using value = typename detail::value_of_first<A...>::type;
  using accumulators = std::tuple<accumulator_t<A>...>;

  all_of(A... all) : all_(std::move(all)...) {}

  accumulators init() const requires(starts_by_init<A> || ...) {
    return std::apply([](const A&... each) { return accumulators(started(each)...); }, all_);
  }
  void add(accumulators& into, const value& tuple) const {
    for_each([&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
      std::get<I>(all_).add(std::get<I>(into), tuple);
    });
  }
  void merge(accumulators& into, const accumulators& from) const requires(mergeable_aggregate<A>&&...) {
    for_each([&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
      std::get<I>(all_).merge(std::get<I>(into), std::get<I>(from));
    });
  }
  std::tuple<aggregate_result_t<A>...> result(const accumulators& of) const {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple<aggregate_result_t<A>...>(result_of(std::get<I>(all_), std::get<I>(of))...);
    }
    (std::index_sequence_for<A...>());
  }

 private:
  template <class F>
  static void for_each(F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (f(std::integral_constant<std::size_t, I>()), ...); }
    (std::index_sequence_for<A...>());
  }
  std::tuple<A...> all_;
};

}  // namespace freshet::aggregates
