#include "freshet/connect/sqlite/binder.hpp"

#include <limits>
#include <string>

#include "connect/file/field_error.hpp"
#include "connect/sqlite/statement.hpp"

// SQLite copies what is bound (SQLITE_TRANSIENT): a binder may be given what lives for the call only.
namespace freshet::sqlite {

int binder::number_of(std::string_view name) const {
  const int at = sqlite3_bind_parameter_index(to_->get(), std::string(name).c_str());
  if (at == 0)
    to_->in().refuse(to_->shown() + " has no parameter " + file::in_quotes(name) +
                     ": write it as it is written there, with its \":\"");
  return at;
}

void binder::bind_null(int at) { to_->check_bound(sqlite3_bind_null(to_->get(), at), at); }

void binder::bind_integer(int at, std::int64_t value) {
  to_->check_bound(sqlite3_bind_int64(to_->get(), at, value), at);
}

void binder::bind_unsigned(int at, std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    to_->in().refuse(to_->parameter(at) + " cannot be " + std::to_string(value) +
                     ": SQLite's integers end at 9223372036854775807; bind it as text");
  bind_integer(at, static_cast<std::int64_t>(value));
}

void binder::bind_real(int at, double value) { to_->check_bound(sqlite3_bind_double(to_->get(), at, value), at); }

void binder::bind_text(int at, std::string_view value) {
  const char* text = value.data() ? value.data() : "";  // null would be NULL
  to_->check_bound(sqlite3_bind_text64(to_->get(), at, text, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8), at);
}

void binder::bind_bytes(int at, std::span<const std::byte> value) {
  const void* bytes = value.data() ? static_cast<const void*>(value.data()) : "";
  to_->check_bound(sqlite3_bind_blob64(to_->get(), at, bytes, value.size(), SQLITE_TRANSIENT), at);
}

}  // namespace freshet::sqlite
