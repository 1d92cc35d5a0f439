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

namespace freshet::sqlite {

class statement;

/// Gives the parameters of a statement their values, for one row:
///     [](freshet::sqlite::binder& row, const order& o) {
///       row.bind(1, o.id);
///       row.bind(":city", o.address.city);
///     }
/// Integers, enumerations and bools become SQLite's integers, `event_time` its milliseconds; float and double a real
/// (not-a-number is NULL, as SQLite has none); text and bytes are copied. An empty optional and nullptr are NULL, and
/// so is a parameter that gets no value. Throws std::runtime_error naming database, statement and parameter: for a
/// parameter that isn't there, an integer above 2^63 - 1, which SQLite doesn't have, and what is too large for it.
/// Valid during the call that it is passed to. Not thread safe.
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
    } else if constexpr (freshet::detail::column_number<V>) {
      if constexpr (freshet::detail::is_signed_column<V>()) bind_integer(at, static_cast<std::int64_t>(value));
      else bind_unsigned(at, static_cast<std::uint64_t>(value));
    } else if constexpr (freshet::detail::column_real<V>) {
      bind_real(at, value);
    } else if constexpr (std::same_as<V, event_time>) {
      bind_integer(at, value.time_since_epoch().count());
    } else if constexpr (freshet::detail::column_text<V>) {
      bind_text(at, value);
    } else {
      static_assert(
          freshet::detail::column_bytes<V>,
          "sqlite::binder: a parameter has to be a bool, an integer, an enumeration, a float or double, text, "
          "bytes, an event_time, or a std::optional of one of these");
      bind_bytes(at, value);
    }
  }
  /// The parameter of that name, as it is written in the statement: ":city".
  template <class V>
  void bind(std::string_view name, const V& value) {
    bind(number_of(name), value);
  }

 private:
  int number_of(std::string_view name) const;
  void bind_null(int at);
  void bind_integer(int at, std::int64_t value);
  void bind_unsigned(int at, std::uint64_t value);
  void bind_real(int at, double value);
  void bind_text(int at, std::string_view value);
  void bind_bytes(int at, std::span<const std::byte> value);

  statement* to_;
};

}  // namespace freshet::sqlite
