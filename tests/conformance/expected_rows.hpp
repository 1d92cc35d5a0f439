#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "freshet/base/event_time.hpp"
#include "freshet/core/fields.hpp"

// Comparing what a topology gave with a file of expected rows.
namespace freshet::conformance {

/// Integers and text are compared exactly, floating point to a relative 1e-9.
using cell = std::variant<std::int64_t, double, std::string>;
using row = std::vector<cell>;

/// A file of expected rows, as text. The name is that of the file, without ".csv".
struct answer {
  std::string name;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};
/// Throws std::runtime_error when there is none.
answer read_answer(const std::string& name);

/// What the messages behind some rows have gone through.
enum class delivery : std::uint8_t { exactly_once, at_least_once };

/// What the columns of an answer are for, where messages may have counted twice; from the left.
struct columns {
  static constexpr std::size_t all = ~std::size_t{0};
  std::size_t keys = all;  ///< so many say which row it is
  std::size_t sums =
      all;  ///< so many behind them can't get less, where they are whole numbers; the others may do as they like
};

/// As sets: the order doesn't count, how often a row comes does. Otherwise says which are missing, surplus, different.
::testing::AssertionResult same_rows(const answer& expected, std::vector<row> got);
/// Every expected row is there, with the same keys and no less in its sums; others may be too.
::testing::AssertionResult no_row_missing(const answer& expected, std::vector<row> got, columns are = {});

namespace detail {
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
}  // namespace detail

/// A value's fields as cells, one after the other; structs within structs are taken apart too. A time is its
/// milliseconds since 1970, and an empty optional an empty text.
template <class T>
void append_cells(row& cells, const T& value) {
  if constexpr (std::is_integral_v<T>) cells.emplace_back(static_cast<std::int64_t>(value));
  else if constexpr (std::is_floating_point_v<T>) cells.emplace_back(static_cast<double>(value));
  else if constexpr (std::is_same_v<T, event_time>) cells.emplace_back(value.time_since_epoch().count());
  else if constexpr (detail::is_optional<T>) value ? append_cells(cells, *value) : append_cells(cells, "");
  else if constexpr (std::is_convertible_v<const T&, std::string>) cells.emplace_back(std::string(value));
  else if constexpr (has_fields<T>)
    with_fields(value, [&](const auto&... field) { (append_cells(cells, field), ...); });
  else std::apply([&](const auto&... part) { (append_cells(cells, part), ...); }, value);
}
template <class T>
std::vector<row> rows_of(const std::vector<T>& values) {
  std::vector<row> rows(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) append_cells(rows[i], values[i]);
  return rows;
}

/// For EXPECT_TRUE: the values are the rows of the file, field by column.
template <class T>
::testing::AssertionResult same_rows(const answer& expected, const std::vector<T>& got) {
  return same_rows(expected, rows_of(got));
}
template <class T>
::testing::AssertionResult no_row_missing(const answer& expected, const std::vector<T>& got, columns are = {}) {
  return no_row_missing(expected, rows_of(got), are);
}
/// The one or the other, by what was promised.
template <class Rows>
::testing::AssertionResult as_promised(delivery how, const answer& expected, const Rows& got, columns are = {}) {
  return how == delivery::exactly_once ? same_rows(expected, got) : no_row_missing(expected, got, are);
}
template <class Rows>
::testing::AssertionResult as_promised(delivery how, const std::string& name, const Rows& got, columns are = {}) {
  return as_promised(how, read_answer(name), got, are);
}

}  // namespace freshet::conformance
