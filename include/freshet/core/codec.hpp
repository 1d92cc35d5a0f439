#pragma once
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "freshet/core/byte_stream.hpp"
#include "freshet/core/migrate.hpp"
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
/// A codec that leaves parts to `write_value` may name their types, `using parts = std::tuple<address, port>;`, from
/// its first day: then a change of those is noticed, and they may be `migratable`.
template <class T>
struct codec;

namespace detail {

/// Marks the codecs that nobody has to write, and those of them that are as good as those of the parts.
struct standard_codec {};
struct codec_of_parts : standard_codec {};

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

/// A type that can be made of what it was before, so that checkpoints with that can be read:
///     struct session {
///       std::uint64_t clicks = 0;
///       freshet::event_span length{};
///       static session migrate(session_v1 old) { return {old.clicks, std::chrono::seconds(old.seconds)}; }
///     };
/// The old type, as it was but for its name, is durable and default constructible, and may have a `migrate` of its own.
/// What decides is the layout of the bytes (see layout.hpp), so the two must differ in it. It may be called by several
/// threads, and what it throws ends the run. This is for states of bolts, in all their parts. Keys are not migrated, as
/// their hashes decide where they are; nor are the tokens of sinks, the states of watermark policies and what spouts
/// save: give those codecs with a version.
template <class T>
concept migratable = detail::points_to_migrate<T> && durable<T> && std::is_move_assignable_v<T> &&
    durable<typename detail::migrates_from<T>::type> &&
    std::default_initializable<typename detail::migrates_from<T>::type> && detail::comes_to_an_end<T>();

/// What `migrate` of a migratable type takes.
template <migratable T>
using older_of = typename detail::migrates_from<T>::type;

/// The sentence a user reads when a type has a `migrate` that nobody can call. Returns whether all is well.
template <class T>
consteval bool check_migrate() {
  constexpr bool ok = migratable<T> || !detail::has_migrate<T>;
  static_assert(ok,
                "a state with a migrate is made of what it was before by one public function  static T migrate(Old)  "
                "(or const Old&; not overloaded, no template), where T is the type itself, which can be moved to, and "
                "Old another one, which is durable and default constructible and doesn't migrate from T in turn");
  return ok;
}

/// Writes a value within another, for use in codecs. Ahead of it goes its codec's version, if it declares one.
template <class T>
void write_value(writer& w, const T& value) {
  w.nested([&] {
    if constexpr (codec_version<T> != 0) w.raw(codec_version<T>);
    codec<T>::write(w, value);
  });
}

template <class T>
void read_value(reader& r, T& value);

namespace detail {
/// Reads what `write_value` wrote of the type that `T` was before. Throws what `migrate` does.
template <class T>
void read_older(reader& r, T& value) {
  older_of<T> old{};
  read_value(r, old);
  if (!r.failed()) value = T::migrate(std::move(old));
}
}  // namespace detail

/// Reads what `write_value` wrote. A version from the future is a failure.
template <class T>
void read_value(reader& r, T& value) {
  if constexpr (migratable<T>)
    if (r.older() && r.older()->contains(&detail::type_identity<T>)) return detail::read_older(r, value);
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
