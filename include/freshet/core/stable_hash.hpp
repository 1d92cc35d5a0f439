#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "freshet/base/hash.hpp"
#include "freshet/core/key_equal.hpp"
#include "freshet/core/shape.hpp"
#include "freshet/core/value.hpp"

namespace freshet {

/// The same number for the same key in every run, build and platform: it decides the key group, so it is part of the
/// checkpoint format, under `hash_version`. Every integer hashes as its 64-bit value, so a key that grows from int to
/// long keeps its group; text hashes alike as std::string, std::string_view and const char*. Composites need nothing:
/// aggregates, classes with `freshet_fields`, pair, tuple, optional, variant, array and sequences of keys. For another
/// class of your own specialise it:
///     template <> struct freshet::stable_hash<ipv6> { static std::uint64_t of(const ipv6&); };
/// Floating point has none on purpose (-0.0, NaN, rounding), nor have maps and sets.
template <class T>
struct stable_hash;

namespace detail {

/// Marks the hashes that are as good as those of the parts.
struct hash_of_parts {};

template <class T>
concept declares_hash = requires(const T& k) {
  { stable_hash<T>::of(k) } -> std::same_as<std::uint64_t>;
};

struct hashability {
  template <class T>
  static consteval verdict ask() {
    if constexpr (!declares_hash<T>) return verdict::no;
    else if constexpr (std::is_base_of_v<hash_of_parts, stable_hash<T>>) return verdict::parts_decide;
    else return verdict::yes;
  }
};

template <class T>
concept hashed_integer = (std::is_integral_v<T> || std::is_enum_v<T>)&&sizeof(T) <= sizeof(std::uint64_t) &&
                         !std::is_same_v<T, wchar_t>;
template <class T>
concept byte_like = std::is_same_v<T, char> || std::is_same_v<T, unsigned char> || std::is_same_v<T, std::byte>;

constexpr std::uint64_t hash_step = 0x9e3779b97f4a7c15u;  // 2^64 / golden ratio: sends 0, which mix64 keeps, away

/// Order matters, and so does how many have gone before.
constexpr std::uint64_t hash_add(std::uint64_t so_far, std::uint64_t next) noexcept {
  return mix64((so_far ^ next) + hash_step);
}
template <class... Part>
constexpr std::uint64_t hash_all(const Part&... part) {
  std::uint64_t h = sizeof...(Part);
  ((h = hash_add(h, stable_hash<Part>::of(part))), ...);
  return h;
}
template <class R>
std::uint64_t hash_elements(const R& range) {
  if constexpr (byte_like<typename R::value_type> && requires { range.data(); }) {
    return hash_bytes(range.data(), range.size());
  } else {
    std::uint64_t h = range.size();
    for (const auto& element : range) h = hash_add(h, stable_hash<typename R::value_type>::of(element));
    return h;
  }
}

}  // namespace detail

/// What may be a key: a stream value with a stable hash, in all its parts.
template <class T>
concept key_value = stream_value<T> && detail::holds<detail::hashability, T>();

template <detail::hashed_integer T>
struct stable_hash<T> {
  static constexpr std::uint64_t of(T v) noexcept { return mix64(as_64_bits(v) + detail::hash_step); }

 private:
  static constexpr std::uint64_t as_64_bits(T v) noexcept {
    if constexpr (std::is_same_v<T, char>) return static_cast<unsigned char>(v);  // signed on some platforms only
    else return static_cast<std::uint64_t>(v);
  }
};

template <>
struct stable_hash<std::string_view> {
  static std::uint64_t of(std::string_view s) noexcept { return hash_bytes(s.data(), s.size()); }
};
template <class T>
requires(shape_of<T> == shape::text) struct stable_hash<T> : stable_hash<std::string_view> {
};
template <>
struct stable_hash<const char*> : stable_hash<std::string_view> {};

template <class T>
requires(shape_of<T> == shape::time_span) struct stable_hash<T> : detail::hash_of_parts {
  static constexpr std::uint64_t of(T v) { return stable_hash<typename T::rep>::of(v.count()); }
};
template <class T>
requires(shape_of<T> == shape::instant) struct stable_hash<T> : detail::hash_of_parts {
  static constexpr std::uint64_t of(T v) { return stable_hash<typename T::duration>::of(v.time_since_epoch()); }
};
template <class T>
requires(shape_of<T> == shape::fields) struct stable_hash<T> : detail::hash_of_parts {
  static constexpr std::uint64_t of(const T& v) {
    return with_fields(v, [](const auto&... field) { return detail::hash_all(field...); });
  }
};
template <class T>
requires(shape_of<T> == shape::tuple) struct stable_hash<T> : detail::hash_of_parts {
  static constexpr std::uint64_t of(const T& v) {
    return std::apply([](const auto&... part) { return detail::hash_all(part...); }, v);
  }
};
template <class T>
requires(shape_of<T> == shape::array || shape_of<T> == shape::sequence) struct stable_hash<T> : detail::hash_of_parts {
  static std::uint64_t of(const T& v) { return detail::hash_elements(v); }
};
template <class T>
requires(shape_of<T> == shape::optional) struct stable_hash<T> : detail::hash_of_parts {
  static constexpr std::uint64_t of(const T& v) { return v ? detail::hash_all(*v) : detail::hash_all(); }
};
template <class T>
requires(shape_of<T> == shape::variant) struct stable_hash<T> : detail::hash_of_parts {
  static std::uint64_t of(const T& v) {
    const std::uint64_t which = v.index();
    return detail::hash_all(which, std::visit([](const auto& x) { return hash_one(x); }, v));
  }

 private:
  template <class X>
  static std::uint64_t hash_one(const X& x) {
    return stable_hash<X>::of(x);
  }
};

/// `stable_hash` as a function object, for hash tables. Text may be asked for in any form.
struct key_hash {
  using is_transparent = void;
  template <class T>
  std::size_t operator()(const T& key) const {
    if constexpr (std::is_convertible_v<const T&, std::string_view>) return stable_hash<std::string_view>::of(key);
    else return stable_hash<T>::of(key);
  }
};

}  // namespace freshet
