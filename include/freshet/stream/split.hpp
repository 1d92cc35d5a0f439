#pragma once
#include <array>
#include <cstddef>
#include <functional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "freshet/core/passed_value.hpp"
#include "freshet/stream/function_check.hpp"

namespace freshet {

/// One output of a split: the number of its predicate. Output 0 is the bolt's main one.
template <class T, std::size_t I>
struct split_branch {
  using value_type = T;
  static constexpr std::string_view name() { return {digits.data() + (I < 10), I < 10 ? 1u : 2u}; }

 private:
  static_assert(I < 100, "a split has at most 100 branches");
  static constexpr std::array<char, 2> digits{static_cast<char>('0' + I / 10), static_cast<char>('0' + I % 10)};
};

namespace detail {
template <class T, class I>
struct split_emitter;
template <class T, std::size_t... I>
struct split_emitter<T, std::index_sequence<I...>> {
  using type = emitter<T, split_branch<T, I + 1>...>;
};
}  // namespace detail

/// Sends each tuple to the output of the first predicate that holds, and to the last one if none does.
template <class T, class... P>
struct split_bolt {
  using output = typename detail::split_emitter<T, std::make_index_sequence<sizeof...(P)>>::type;
  std::tuple<P...> holds;

  void process(passed_value<T> value, output& out) { choose<0>(std::move(value), out); }

 private:
  template <std::size_t I>
  void choose(passed_value<T> value, output& out) {
    if constexpr (I < sizeof...(P)) {
      if (!std::invoke(std::get<I>(holds), value.get())) return choose<I + 1>(std::move(value), out);
    }
    if constexpr (I == 0) std::move(value).emit_to(out);
    else out.template emit<split_branch<T, I>>(std::move(value).take());
  }
};

}  // namespace freshet
