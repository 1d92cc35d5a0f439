#pragma once
#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "freshet/core/codec.hpp"

// The codecs that need no declaration, one a shape. The layout is a data format, version 1:
//   number, enum        its bytes, little endian; bool is a byte, 0 or 1
//   text                length (u32), bytes
//   sequence, set, map  length (u32), elements in the container's order; an element that takes no byte gets a zero
//   array, tuple, pair, fields: the parts in order
//   optional            a bool, then the value; variant: the index (u8), then the alternative
//   duration, time      the count, in the type's own unit
// Parts go through `write_value`, so those with a version of their own carry it.

namespace freshet {
namespace detail {

/// True when a container of `T` may be copied as one run of bytes.
template <class C>
concept one_run = raw_number<typename C::value_type> && !std::same_as<typename C::value_type, bool> &&
                  std::endian::native == std::endian::little && requires(C & c) {
  c.data();
};

template <class C>
std::string_view bytes_of(const C& c) {
  return {reinterpret_cast<const char*>(c.data()), c.size() * sizeof(typename C::value_type)};
}

/// Every element takes at least a byte, so that a reader can tell an impossible length.
template <class... Part>
void write_element(writer& w, const Part&... part) {
  const std::size_t before = w.size();
  (write_value(w, part), ...);
  if (w.size() == before) w.raw(std::uint8_t{0});
}
template <class... Part>
void read_element(reader& r, Part&... part) {
  const std::size_t before = r.left();
  (read_value(r, part), ...);
  if (r.left() == before) static_cast<void>(r.raw<std::uint8_t>());
}

}  // namespace detail

template <class T>
requires(shape_of<T> == shape::scalar && (raw_number<T> || std::is_enum_v<T>)) struct codec<T>
    : detail::standard_codec {
  static void write(writer& w, T v) {
    if constexpr (std::is_enum_v<T>) w.raw(static_cast<std::underlying_type_t<T>>(v));
    else w.raw(v);
  }
  static void read(reader& r, T& v, std::uint32_t) {
    if constexpr (std::is_enum_v<T>) v = static_cast<T>(r.raw<std::underlying_type_t<T>>());
    else v = r.raw<T>();
  }
};

template <class T>
requires(shape_of<T> == shape::text) struct codec<T> : detail::standard_codec {
  static void write(writer& w, const T& v) { w.bytes(v); }
  static void read(reader& r, T& v, std::uint32_t) { v = r.bytes(); }
};

template <class T>
requires(shape_of<T> == shape::fields) struct codec<T> : detail::codec_of_parts {
  static void write(writer& w, const T& v) {
    with_fields(v, [&w](const auto&... field) { (write_value(w, field), ...); });
  }
  static void read(reader& r, T& v, std::uint32_t) {
    with_fields(v, [&r](auto&... field) { (read_value(r, field), ...); });
  }
};

template <class T>
requires(shape_of<T> == shape::tuple) struct codec<T> : detail::codec_of_parts {
  static void write(writer& w, const T& v) {
    std::apply([&w](const auto&... part) { (write_value(w, part), ...); }, v);
  }
  static void read(reader& r, T& v, std::uint32_t) {
    std::apply([&r](auto&... part) { (read_value(r, part), ...); }, v);
  }
};

template <class T>
requires(shape_of<T> == shape::array) struct codec<T> : detail::codec_of_parts {
  static void write(writer& w, const T& v) {
    if constexpr (detail::one_run<T>) {
      w.append(detail::bytes_of(v));
    } else {
      for (const auto& element : v) write_value(w, element);
    }
  }
  static void read(reader& r, T& v, std::uint32_t) {
    if constexpr (detail::one_run<T>) {
      const auto from = r.take(sizeof(T));
      if (!from.empty()) std::memcpy(v.data(), from.data(), from.size());
    } else {
      for (auto& element : v) read_value(r, element);
    }
  }
};

template <class T>
requires(shape_of<T> == shape::sequence && std::default_initializable<typename T::value_type>) struct codec<T>
    : detail::codec_of_parts {
  using element = typename T::value_type;

  static void write(writer& w, const T& v) {
    w.length(v.size());
    if constexpr (detail::one_run<T>) {
      w.append(detail::bytes_of(v));
    } else {
      for (const element& e : v) detail::write_element(w, e);
    }
  }
  static void read(reader& r, T& v, std::uint32_t) {
    v.clear();
    std::size_t n = r.length();
    if constexpr (detail::one_run<T>) {
      const auto from = r.take(n * sizeof(element));
      v.resize(from.size() / sizeof(element));
      if (!from.empty()) std::memcpy(v.data(), from.data(), from.size());
    } else {
      if constexpr (requires { v.reserve(n); }) v.reserve(r.reservable(n, sizeof(element)));
      for (; n != 0 && !r.failed(); --n) {
        element e{};
        detail::read_element(r, e);
        v.push_back(std::move(e));
      }
    }
  }
};

template <class T>
requires(shape_of<T> == shape::set && std::default_initializable<typename T::key_type>) struct codec<T>
    : detail::codec_of_parts {
  static void write(writer& w, const T& v) {
    w.length(v.size());
    for (const auto& key : v) detail::write_element(w, key);
  }
  static void read(reader& r, T& v, std::uint32_t) {
    v.clear();
    for (std::size_t n = r.length(); n != 0 && !r.failed(); --n) {
      typename T::key_type key{};
      detail::read_element(r, key);
      if (!r.failed()) v.emplace_hint(v.end(), std::move(key));
    }
  }
};

template <class T>
requires(shape_of<T> == shape::map && std::default_initializable<typename T::key_type> &&
         std::default_initializable<typename T::mapped_type>) struct codec<T> : detail::codec_of_parts {
  static void write(writer& w, const T& v) {
    w.length(v.size());
    for (const auto& [key, value] : v) detail::write_element(w, key, value);
  }
  static void read(reader& r, T& v, std::uint32_t) {
    v.clear();
    for (std::size_t n = r.length(); n != 0 && !r.failed(); --n) {
      typename T::key_type key{};
      typename T::mapped_type value{};
      detail::read_element(r, key, value);
      if (!r.failed()) v.emplace_hint(v.end(), std::move(key), std::move(value));
    }
  }
};

template <class T>
requires(shape_of<T> == shape::optional && std::default_initializable<typename T::value_type>) struct codec<T>
    : detail::codec_of_parts {
  static void write(writer& w, const T& v) {
    w.raw(v.has_value());
    if (v) write_value(w, *v);
  }
  static void read(reader& r, T& v, std::uint32_t) {
    if (r.raw<bool>()) read_value(r, v.emplace());
    else v.reset();
  }
};

template <std::default_initializable... A>
requires(sizeof...(A) < 256) struct codec<std::variant<A...>> : detail::codec_of_parts {
  static void write(writer& w, const std::variant<A...>& v) {
    w.raw(static_cast<std::uint8_t>(v.index()));
    std::visit([&w](const auto& alternative) { write_value(w, alternative); }, v);
  }
  static void read(reader& r, std::variant<A...>& v, std::uint32_t) {
    const std::size_t index = r.raw<std::uint8_t>();
    if (index >= sizeof...(A)) return r.fail();
    read_alternative(r, v, index, std::index_sequence_for<A...>());
  }

 private:
  template <std::size_t... I>
  static void read_alternative(reader& r, std::variant<A...>& v, std::size_t index, std::index_sequence<I...>) {
    static_cast<void>(((I == index && (read_value(r, v.template emplace<I>()), true)) || ...));
  }
};

template <class T>
requires(shape_of<T> == shape::time_span) struct codec<T> : detail::codec_of_parts {
  static void write(writer& w, T v) { write_value(w, v.count()); }
  static void read(reader& r, T& v, std::uint32_t) {
    typename T::rep count{};
    read_value(r, count);
    v = T(count);
  }
};

template <class T>
requires(shape_of<T> == shape::instant) struct codec<T> : detail::codec_of_parts {
  static void write(writer& w, T v) { write_value(w, v.time_since_epoch()); }
  static void read(reader& r, T& v, std::uint32_t) {
    typename T::duration since{};
    read_value(r, since);
    v = T(since);
  }
};

}  // namespace freshet
