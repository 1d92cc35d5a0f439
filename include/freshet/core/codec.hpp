#pragma once
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "freshet/core/byte_stream.hpp"
#include "freshet/core/shape.hpp"

namespace freshet {

/// How a type is written to checkpoints, spilled blocks and journals. Specialise it as you would std::formatter:
///     template <> struct freshet::codec<ipv6> {
///       static constexpr std::uint32_t version = 1;  // optional, see below
///       static void write(freshet::writer&, const ipv6&);
///       static void read(freshet::reader&, ipv6&, std::uint32_t version);  // replaces what the object holds
///     };
/// Numbers, enums, strings, std containers and every type with fields (`has_fields`) need nothing. `read` gets the
/// version it was written with, 0 for a codec that declares none. Give a codec a version, from 1, on its first day:
/// nested values carry the number only where one is declared. `read` must not trust the bytes: they may be damaged.
template <class T>
struct codec;

namespace detail {

/// Marks the codecs that are as good as those of the parts.
struct codec_of_parts {};

template <class T>
concept declares_codec = requires(writer& w, reader& r, const T& in, T& out) {
  codec<T>::write(w, in);
  codec<T>::read(r, out, std::uint32_t{});
};

struct durability {
  template <class T>
  static consteval verdict ask() {
    if constexpr (!declares_codec<T>) return verdict::no;
    else if constexpr (std::is_base_of_v<codec_of_parts, codec<T>>) return verdict::parts_decide;
    else return verdict::yes;
  }
};

template <class T>
consteval std::uint32_t find_codec_version() {
  if constexpr (requires { codec<T>::version; }) return codec<T>::version;
  else return 0;
}

}  // namespace detail

/// A type that can be written and read back, in all its parts.
template <class T>
concept durable = std::is_object_v<T> && detail::holds<detail::durability, T>();

/// The version of `T`'s codec; 0 where it declares none.
template <class T>
inline constexpr std::uint32_t codec_version = detail::find_codec_version<T>();

/// The sentence a user reads when a type has no codec. Returns `durable<T>`.
template <class T>
consteval bool check_durable() {
  static_assert(durable<T>,
                "this type has no codec: make it an aggregate of types that have one, give it freshet_fields (also "
                "where it has a C array, bit-fields or a base class), specialise freshet::codec<T>, or wrap state that "
                "a crash may lose in freshet::transient<T>");
  return durable<T>;
}

/// Writes a value within another, for use in codecs. Ahead of it goes its codec's version, if it declares one.
template <class T>
void write_value(writer& w, const T& value) {
  w.nested([&] {
    if constexpr (codec_version<T> != 0) w.raw(codec_version<T>);
    codec<T>::write(w, value);
  });
}

/// Reads what `write_value` wrote. A version from the future is a failure.
template <class T>
void read_value(reader& r, T& value) {
  r.nested([&] {
    std::uint32_t version = 0;
    if constexpr (codec_version<T> != 0) {
      version = r.raw<std::uint32_t>();
      if (version > codec_version<T>) r.fail();
    }
    if (!r.failed()) codec<T>::read(r, value, version);
  });
}

/// Marks state that a crash may lose: no codec is asked for. A durable run refuses one that has none, by name, at
/// start.
template <class T>
struct transient {
  T value{};

  T* operator->() noexcept { return &value; }
  const T* operator->() const noexcept { return &value; }
  T& operator*() noexcept { return value; }
  const T& operator*() const noexcept { return value; }
};

}  // namespace freshet

#include "freshet/core/standard_codecs.hpp"
