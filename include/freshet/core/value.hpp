#pragma once
#include <concepts>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "freshet/core/fields.hpp"
#include "freshet/core/shape.hpp"

namespace freshet {

/// Specialise to true for a pointer-like type that outlives every run (a `const char*` to a literal, an interned id),
/// or for a class that holds one.
template <class T>
inline constexpr bool enable_borrowed_value = false;

namespace detail {

template <class T>
inline constexpr bool is_borrowed = std::is_pointer_v<T> || std::is_reference_v<T> || std::ranges::enable_view<T>;
template <class T>
inline constexpr bool is_borrowed<std::optional<T>> = false;  // C++26 calls it a view; it owns all the same
template <class T>
inline constexpr bool is_borrowed<std::reference_wrapper<T>> = true;
template <class T>
inline constexpr bool is_borrowed<std::initializer_list<T>> = true;
template <class C, class R>
inline constexpr bool is_borrowed<std::basic_string_view<C, R>> = true;
template <class T, std::size_t N>
inline constexpr bool is_borrowed<std::span<T, N>> = true;

struct ownership {
  template <class T>
  static consteval verdict ask() {
    if constexpr (enable_borrowed_value<T>) return verdict::yes;
    else if constexpr (is_borrowed<T>) return verdict::no;
    else return verdict::parts_decide;
  }
};

}  // namespace detail

/// True when a value of `T` holds all it refers to, as far as can be seen: no view, pointer or reference, also not in
/// a field or an element. Smart pointers, and classes whose members can't be seen, count as owners.
template <class T>
inline constexpr bool owns_its_data = detail::holds<detail::ownership, T>();

/// The type to keep when a function gives back a view or a reference: `std::string_view` -> `std::string`.
template <class T>
struct owned {
  using type = T;
};
template <>
struct owned<std::string_view> {
  using type = std::string;
};
template <>
struct owned<const char*> {
  using type = std::string;
};
template <>
struct owned<char*> {
  using type = std::string;
};
/// The same for what a function returns: without reference and const.
template <class T>
using owned_t = typename owned<std::remove_cvref_t<T>>::type;

/// What may travel in a stream.
template <class T>
concept stream_value = std::is_object_v<T> && !std::is_const_v<T> && std::copy_constructible<T> &&
                       std::is_move_assignable_v<T> && owns_its_data<T>;

/// The sentences a user reads when a type can't travel. Returns `stream_value<T>`, so that a caller can go on in `if
/// constexpr` and add no errors of its own.
template <class T>
consteval bool check_stream_value() {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>,
                "a stream carries values: use a non-const object type, not a reference or void");
  if constexpr (std::is_object_v<T> && !std::is_const_v<T>) {
    static_assert(owns_its_data<T>,
                  "this type borrows its data (string_view, span, pointer or reference, perhaps in a field), which is "
                  "gone when the tuple reaches its bolt: carry std::string / std::vector, or set "
                  "freshet::enable_borrowed_value<T>");
    static_assert(std::copy_constructible<T>,
                  "a stream carries copyable values, because a tuple may be replayed or sent to several bolts: carry "
                  "std::shared_ptr<const T> for a move-only type (moving a tuple never copies it)");
    static_assert(!std::copy_constructible<T> || std::is_move_assignable_v<T>,
                  "a stream carries assignable values, because batches are reused: this type has a const or reference "
                  "member, or deletes its assignment");
  }
  return stream_value<T>;
}

}  // namespace freshet
