#pragma once
#include <concepts>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "freshet/base/error.hpp"
#include "freshet/base/result.hpp"
#include "freshet/connect/file/json_fields.hpp"
#include "freshet/connect/file/text_value.hpp"
#include "freshet/connect/json_text.hpp"
#include "freshet/connect/kafka/record.hpp"
#include "freshet/connect/line_format.hpp"
#include "freshet/core/bolt.hpp"
#include "freshet/core/codec.hpp"
#include "freshet/core/standard_codecs.hpp"

namespace freshet::kafka {

/// Thrown by a decoder for a record that is none of its type's; any other exception means the same.
class bad_record : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The value as text: a std::string is the bytes as they are, numbers and what `freshet::file::text_value` lists are
/// written and read as text. A null is refused, but by std::optional<std::string>.
struct text {
  template <class T>
  void decode(const record& r, T& to) const {
    if constexpr (std::is_same_v<T, std::optional<std::string>>) {
      to.reset();
      if (r.value) to.emplace(*r.value);
    } else {
      if (!r.value) throw bad_record("it has no value (a tombstone)");
      if constexpr (std::is_same_v<T, std::string>) to.assign(*r.value);
      else if (!file::read_text(*r.value, to, {})) throw bad_record("expected " + file::expected_text<T>({}));
    }
  }
  template <class T>
  void encode(outgoing& to, const T& value) const {
    if constexpr (std::is_same_v<T, std::optional<std::string>>) {
      if (value) to.value() += *value;
      else to.make_tombstone();
    } else {
      line_format{}(to.value(), value);
    }
  }
};

/// The value as JSON (RFC 8259): an object, by the `field_names` of the struct, where it has some, else an array of its
/// fields. Members that the struct does not have are passed over; an optional that is missing or null is empty.
struct json {
  template <class T>
  void decode(const record& r, T& to) const {
    if (!r.value) throw bad_record("it has no value (a tombstone)");
    file::json_reader in;
    in.begin(*r.value);
    if (file::detail::read_json(in, to, {}) && in.finish()) return;
    throw bad_record("byte " + std::to_string(in.offset()) +
                     (in.member().empty() ? std::string() : ", member " + in.member()) + ": " + in.problem());
  }
  template <class T>
  void encode(outgoing& to, const T& value) const {
    append_json(to.value(), value);
  }
};

/// The value as Freshet's own codec writes it: for topics that only Freshet reads.
struct binary {
  template <class T>
  void decode(const record& r, T& to) const {
    if (!r.value) throw bad_record("it has no value (a tombstone)");
    reader in(*r.value);
    read_value(in, to);
    if (in.failed() || in.left() != 0) throw bad_record("its bytes are damaged, or of another type");
  }
  template <class T>
  void encode(outgoing& to, const T& value) const {
    writer w;
    write_value(w, value);
    to.value() += w.data();
  }
};

/// The whole record, as a `message`.
struct whole {
  void decode(const record& r, message& to) const { to = r.copy(); }
  void encode(outgoing& to, const message& value) const;
};

/// What spouts and sinks use where they are told nothing else.
template <class T>
using default_format = std::conditional_t<
    std::is_same_v<T, message>, whole,
    std::conditional_t<file::text_value<T> || std::is_same_v<T, std::optional<std::string>>, text, json>>;

/// A function as a decoder: it gives a T, a std::optional<T> (nothing: the record is passed over) or a result<T>; what
/// it throws is a reason not to.
template <class F, class T>
concept decoding_function = std::is_invocable_v<F&, const record&> &&
    (std::is_convertible_v<std::invoke_result_t<F&, const record&>, T> ||
     std::is_convertible_v<std::invoke_result_t<F&, const record&>, std::optional<T>> ||
     std::is_convertible_v<std::invoke_result_t<F&, const record&>, result<T>>);

/// Gives the records of an encoder a key: a member or a function of the tuple, as text.
///     kafka::sink<order>{options, kafka::with_key(&order::customer, kafka::json{})}
template <class K, class Format>
struct with_key {
  K key_of;
  Format format;
  with_key(K k, Format f) : key_of(std::move(k)), format(std::move(f)) {}
  template <class T>
  void encode(outgoing& to, const T& value) {
    key_.clear();
    line_format{}(key_, std::invoke(key_of, value));
    to.set_key(key_);
    format.encode(to, value);
  }

 private:
  std::string key_;
};

namespace detail {
/// Decodes by a format or a function. Nothing: the record is to be passed over.
template <class T, class D>
std::optional<T> decoded(D& decode, const record& r) {
  if constexpr (requires(T & to) { decode.decode(r, to); }) {
    std::optional<T> to(std::in_place);
    decode.decode(r, *to);
    return to;
  } else {
    using R = std::remove_cvref_t<std::invoke_result_t<D&, const record&>>;
    if constexpr (std::is_convertible_v<R, T>) {
      return std::optional<T>(decode(r));
    } else if constexpr (std::is_convertible_v<R, std::optional<T>>) {
      return decode(r);
    } else {
      result<T> got = decode(r);
      if (!got) throw bad_record(got.error().message);
      return std::optional<T>(*std::move(got));
    }
  }
}
template <class T, class E>
void encode(E& encoder, outgoing& to, const T& value) {
  if constexpr (requires { encoder.encode(to, value); }) encoder.encode(to, value);
  else encoder(to, value);
}
/// What a decoding function makes of records, an encoding function or a `with_key` records of.
template <class R>
struct made {
  using type = R;
};
template <class R>
struct made<std::optional<R>> {
  using type = R;
};
template <class R>
struct made<result<R>> {
  using type = R;
};
template <class D>
struct decoded_by : made<std::remove_cvref_t<std::invoke_result_t<D&, const record&>>> {};
template <class Args>
struct second_arg;
template <class A0, class A1, class... More>
struct second_arg<parameter_list<A0, A1, More...>> {
  using type = std::remove_cvref_t<A1>;
};
template <class E>
struct encoded_by : encoded_by<decltype(&E::operator())> {};
template <class E>
requires(std::is_pointer_v<E> || std::is_member_function_pointer_v<E>) struct encoded_by<E>
    : second_arg<typename signature<E>::args> {
};
template <class M, class C, class Format>
struct encoded_by<with_key<M C::*, Format>> {
  using type = C;
};
template <class D, class T>
inline constexpr bool decodes = decoding_function<D, T> || requires(D& d, const record& r, T& to) {
  d.decode(r, to);
};
template <class E, class T>
inline constexpr bool encodes = std::is_invocable_v<E&, outgoing&, const T&> ||
                                requires(E& e, outgoing& to, const T& value) {
  e.encode(to, value);
};
}  // namespace detail

}  // namespace freshet::kafka
