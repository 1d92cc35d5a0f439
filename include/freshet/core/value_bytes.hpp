#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <tuple>
#include <type_traits>
#include <variant>

#include "freshet/core/shape.hpp"

namespace freshet {
namespace detail {

/// Beside its value a node of a list, set or map has two or three pointers, and what the allocator adds.
inline constexpr std::size_t node_overhead = 32;
/// So many elements of a container stand for all, and so deep is looked: a cost that no value can raise.
inline constexpr std::size_t elements_looked_at = 4;
inline constexpr int levels_looked_at = 4;

template <class T>
inline constexpr bool is_shared_pointer = false;
template <class T>
inline constexpr bool is_shared_pointer<std::shared_ptr<T>> = std::is_object_v<T> && !std::is_array_v<T>;

/// The library's own containers within states, which have codecs of their own.
template <class T>
concept state_container = shape_of<T>
== shape::other&& requires(const T& all) {
  typename T::value_type;
  all.begin() != all.end();
  all.capacity();
};

template <class T>
std::size_t owned_bytes(const T& value, int level = 0);

/// What the elements of a container own, from a few of them.
template <class C>
std::size_t owned_by_elements(const C& all, int level) {
  if constexpr (std::is_trivially_copyable_v<typename C::value_type>) {
    return 0;
  } else {
    std::size_t sum = 0, looked_at = 0;
    for (auto at = all.begin(); at != all.end() && looked_at < elements_looked_at; ++at, ++looked_at)
      sum += owned_bytes(*at, level + 1);
    return looked_at ? sum / looked_at * all.size() : 0;
  }
}

/// The elements themselves, in a container's own memory.
template <class C>
std::size_t element_bytes(const C& all) {
  constexpr std::size_t each = sizeof(typename C::value_type);
  if constexpr (requires { all.capacity(); }) return all.capacity() * each;
  else if constexpr (requires { all[0]; } && shape_of<C> == shape::sequence) return all.size() * each;
  else return all.size() * (each + node_overhead);
}

template <class T>
std::size_t owned_by_text(const T& text) {
  const auto* inside = reinterpret_cast<const char*>(&text);
  const bool is_inside = text.data() >= inside && text.data() < inside + sizeof(T);  // a short one owns nothing
  return is_inside ? 0 : text.capacity() + 1;
}

/// An estimate of the memory that a value holds outside its own `sizeof`: what strings and containers have allocated,
/// in all its parts. A shared object counts in equal parts for all who share it. What cannot be seen (private members
/// without `freshet_fields`) counts as nothing.
template <class T>
std::size_t owned_bytes(const T& value, int level) {
  constexpr shape is = shape_of<T>;
  if constexpr (std::is_trivially_copyable_v<T>) return 0;
  else if (level >= levels_looked_at) return 0;
  else if constexpr (is == shape::text) return owned_by_text(value);
  else if constexpr (is == shape::sequence || is == shape::set || is == shape::map)
    return element_bytes(value) + owned_by_elements(value, level);
  else if constexpr (is == shape::array) return owned_by_elements(value, level);
  else if constexpr (is == shape::optional) return value ? owned_bytes(*value, level + 1) : 0;
  else if constexpr (is == shape::variant)
    return value.valueless_by_exception()
               ? 0
               : std::visit([level](const auto& v) { return owned_bytes(v, level + 1); }, value);
  else if constexpr (is == shape::fields)
    return with_fields(value,
                       [level](const auto&... part) { return (std::size_t{} + ... + owned_bytes(part, level)); });
  else if constexpr (is == shape::tuple)
    return std::apply([level](const auto&... part) { return (std::size_t{} + ... + owned_bytes(part, level + 1)); },
                      value);
  else if constexpr (state_container<T>) return element_bytes(value) + owned_by_elements(value, level);
  else if constexpr (is_shared_pointer<T>)
    return value ? (sizeof(*value) + owned_bytes(*value, level + 1)) / static_cast<std::size_t>(value.use_count()) : 0;
  else return 0;
}

}  // namespace detail

/// True when values of `T` may hold memory that `sizeof` doesn't show, and that can be seen.
template <class T>
inline constexpr bool owns_memory =
    !std::is_trivially_copyable_v<T> &&
    (shape_of<T> != shape::other || detail::is_shared_pointer<T> || detail::state_container<T>);

/// About how many bytes of memory a value takes, with what it owns elsewhere.
template <class T>
std::size_t value_bytes(const T& value) {
  return sizeof(T) + detail::owned_bytes(value);
}

}  // namespace freshet
