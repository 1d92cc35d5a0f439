#pragma once
#include <algorithm>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "freshet/core/shape.hpp"

namespace freshet {

/// Equality of keys as a function object: `==` where a class has its own, otherwise field by field, also within
/// pairs, tuples, arrays, sequences, optionals and variants. Values of different types compare by `==` (std::string
/// with std::string_view).
struct key_equal {
  using is_transparent = void;

  template <class A, class B>
  constexpr bool operator()(const A& a, const B& b) const {
    return static_cast<bool>(a == b);
  }
  template <class A>
  constexpr bool operator()(const A& a, const A& b) const {
    constexpr shape s = shape_of<A>;
    if constexpr (s == shape::fields) return equal_fields(a, b);
    else if constexpr (s == shape::tuple) return equal_tuples(a, b, std::make_index_sequence<std::tuple_size_v<A>>());
    else if constexpr (s == shape::array || s == shape::sequence)
      return std::equal(a.begin(), a.end(), b.begin(), b.end(), key_equal{});
    else if constexpr (s == shape::optional) return a && b ? (*this)(*a, *b) : a.has_value() == b.has_value();
    else if constexpr (s == shape::variant)
      return equal_variants(a, b, std::make_index_sequence<std::variant_size_v<A>>());
    else return static_cast<bool>(a == b);
  }

 private:
  template <class A>
  static constexpr bool equal_fields(const A& a, const A& b) {
    if constexpr (requires { static_cast<bool>(a == b); }) {
      return static_cast<bool>(a == b);
    } else {
      auto with_b = [&b](const auto&... x) {
        return with_fields(b, [&x...](const auto&... y) { return (key_equal{}(x, y) && ...); });
      };
      return with_fields(a, with_b);
    }
  }
  template <class A, std::size_t... I>
  static constexpr bool equal_tuples(const A& a, const A& b, std::index_sequence<I...>) {
    return (key_equal{}(std::get<I>(a), std::get<I>(b)) && ...);
  }
  /// By index and not by type, which may be there twice.
  template <class A, std::size_t... I>
  static constexpr bool equal_variants(const A& a, const A& b, std::index_sequence<I...>) {
    if (a.index() != b.index()) return false;
    return ((I != a.index() || key_equal{}(*std::get_if<I>(&a), *std::get_if<I>(&b))) && ...);
  }
};

}  // namespace freshet
