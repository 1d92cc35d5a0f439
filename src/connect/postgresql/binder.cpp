#include "freshet/connect/postgresql/binder.hpp"

#include <array>
#include <charconv>
#include <string>

#include "connect/file/field_error.hpp"
#include "connect/postgresql/column_types.hpp"
#include "connect/postgresql/statement.hpp"

namespace freshet::postgresql {

namespace {

template <class V>
void set_number(statement& to, int at, V value) {
  std::array<char, 40> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  to.row.set(static_cast<std::size_t>(at) - 1, {digits.data(), static_cast<std::size_t>(end - digits.data())}, false);
}

void check_length(const statement& to, int at, std::size_t bytes) {
  constexpr std::size_t most = (std::size_t{1} << 30) - 1;
  if (bytes > most)
    to.in().refuse(to.parameter(at) + " cannot be " + std::to_string(bytes) +
                   " bytes long: PostgreSQL's values end at 1 GiB");
}

}  // namespace

void binder::bind_null(int at) { to_->check_parameter(at); }

void binder::bind_bool(int at, bool value) {
  to_->type_for(at, value_kind::boolean);
  set_number(*to_, at, static_cast<int>(value));  // a boolean reads 1 and 0, too
}

void binder::bind_integer(int at, std::int64_t value) {
  to_->type_for(at, value_kind::integer);
  set_number(*to_, at, value);
}

void binder::bind_unsigned(int at, std::uint64_t value) {
  to_->type_for(at, value_kind::integer);
  set_number(*to_, at, value);
}

void binder::bind_real(int at, double value) {
  to_->type_for(at, value_kind::real);
  set_number(*to_, at, value);
}

/// PostgreSQL counts microseconds from the year 2000, and has its infinities at the ends of 64 bits.
void binder::bind_time(int at, event_time value) {
  constexpr std::int64_t year_2000_ms = 946'684'800'000, furthest_ms = 9'223'372'036'854'775;
  const auto ms = value.time_since_epoch().count();
  const auto type = to_->type_for(at, value_kind::time);
  if (type != column_type::timestamp && type != column_type::timestamptz) return set_number(*to_, at, ms);
  if (ms < -furthest_ms + year_2000_ms || ms > furthest_ms)
    to_->in().refuse(to_->parameter(at) + " cannot be the time " + std::to_string(ms) +
                     " ms: PostgreSQL's end about 292 thousand years from now; bind it as an integer");
  const auto us = static_cast<std::uint64_t>((ms - year_2000_ms) * 1000);
  std::array<char, 8> bytes;
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(us >> (56 - 8 * i));
  to_->row.set(static_cast<std::size_t>(at) - 1, {bytes.data(), bytes.size()}, true);
}

void binder::bind_text(int at, std::string_view value) {
  const bool is_bytes = to_->type_for(at, value_kind::text) == column_type::bytea;
  check_length(*to_, at, value.size());
  if (!is_bytes && value.find('\0') != value.npos)
    to_->in().refuse(to_->parameter(at) + " cannot be " + file::shown(value) +
                     ": PostgreSQL's text has no byte 0; bind bytes, into a bytea");
  to_->row.set(static_cast<std::size_t>(at) - 1, value, is_bytes);
}

void binder::bind_bytes(int at, std::span<const std::byte> value) {
  to_->type_for(at, value_kind::bytes);
  check_length(*to_, at, value.size());
  to_->row.set(static_cast<std::size_t>(at) - 1, {reinterpret_cast<const char*>(value.data()), value.size()}, true);
}

}  // namespace freshet::postgresql
