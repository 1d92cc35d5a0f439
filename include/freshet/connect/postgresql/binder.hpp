#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "freshet/base/event_time.hpp"
#include "freshet/connect/column_value.hpp"
#include "freshet/core/shape.hpp"

namespace freshet::postgresql {

class statement;

/// What a value is to the server: some columns can't hold some of these.
enum class value_kind : std::uint8_t { boolean, integer, real, text, bytes, time };

/// The kind of a column_field.
template <column_field V>
consteval value_kind kind_of() {
  if constexpr (freshet::detail::is_optional<V>) return kind_of<typename V::value_type>();
  else if constexpr (std::same_as<V, bool>) return value_kind::boolean;
  else if constexpr (freshet::detail::column_number<V>) return value_kind::integer;
  else if constexpr (freshet::detail::column_real<V>) return value_kind::real;
  else if constexpr (std::same_as<V, event_time>) return value_kind::time;
  else if constexpr (freshet::detail::column_text<V>) return value_kind::text;
  else return value_kind::bytes;
}

/// Gives the parameters of a statement their values, for one row:
///     [](freshet::postgresql::binder& row, const order& o) {
///       row.bind(1, o.id);
///       row.bind(2, o.address.city);
///     }
/// The server has found out what type each parameter is of ($1 of `insert into orders(id) values ($1)` is of that of
/// the column id; `$1::jsonb` says another one). Integers and enumerations are numbers there; a bool is true or false,
/// or 1 or 0 where the column is a number; `event_time` is a timestamp (UTC in one without a time zone) or, in a
/// bigint, its milliseconds. Text is read as a value of any type, as the server reads it ("2.50" as a numeric, "{}" as
/// a jsonb), and is what it is in a bytea; bytes go into a bytea only. An empty optional and nullptr are NULL, and so
/// is a parameter that gets no value.
///
/// Throws std::runtime_error naming database, statement and parameter: for a parameter that isn't there, a value of a
/// kind that its type doesn't hold, a text with a byte 0, which PostgreSQL doesn't have, a time that it doesn't reach,
/// and what is too large. Valid during the call that it is passed to. Not thread safe.
class binder {
 public:
  explicit binder(statement& to) : to_(&to) {}

  /// The parameter number `at`, counted from 1.
  template <class V>
  void bind(int at, const V& value) {
    if constexpr (std::same_as<V, std::nullptr_t> || std::same_as<V, std::nullopt_t>) {
      bind_null(at);
    } else if constexpr (freshet::detail::is_optional<V>) {
      if (value) bind(at, *value);
      else bind_null(at);
    } else if constexpr (std::same_as<V, bool>) {
      bind_bool(at, value);
    } else if constexpr (freshet::detail::column_number<V>) {
      if constexpr (freshet::detail::is_signed_column<V>()) bind_integer(at, static_cast<std::int64_t>(value));
      else bind_unsigned(at, static_cast<std::uint64_t>(value));
    } else if constexpr (freshet::detail::column_real<V>) {
      bind_real(at, value);
    } else if constexpr (std::same_as<V, event_time>) {
      bind_time(at, value);
    } else if constexpr (freshet::detail::column_text<V>) {
      bind_text(at, value);
    } else {
      static_assert(
          freshet::detail::column_bytes<V>,
          "postgresql::binder: a parameter has to be a bool, an integer, an enumeration, a float or double, text, "
          "bytes, an event_time, or a std::optional of one of these");
      bind_bytes(at, value);
    }
  }

 private:
  void bind_null(int at);
  void bind_bool(int at, bool value);
  void bind_integer(int at, std::int64_t value);
  void bind_unsigned(int at, std::uint64_t value);
  void bind_real(int at, double value);
  void bind_time(int at, event_time value);
  void bind_text(int at, std::string_view value);
  void bind_bytes(int at, std::span<const std::byte> value);

  statement* to_;
};

}  // namespace freshet::postgresql
