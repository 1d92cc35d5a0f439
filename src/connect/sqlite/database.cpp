#include "connect/sqlite/database.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "connect/file/field_error.hpp"

namespace freshet::sqlite {

database::database(std::string path, std::chrono::milliseconds busy_timeout)
    : path_(std::move(path)), busy_timeout_(busy_timeout) {
  // Without SQLite's own locks: the engine sees to it that one thread at a time is here.
  constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path_.c_str(), &opened, flags, nullptr);
  connection_.reset(opened);  // also where it failed, for the reason
  if (code != SQLITE_OK) fail(code, "the database cannot be opened");
  sqlite3_extended_result_codes(get(), 1);
  const char* file = sqlite3_db_filename(get(), "main");
  if (!file || !*file) refuse("this is a database in memory, which is gone when the run ends: name a file");
  if (sqlite3_db_readonly(get(), "main") == 1) refuse("the database cannot be written: its file is read-only");
  constexpr std::chrono::milliseconds longest(std::numeric_limits<int>::max());
  sqlite3_busy_timeout(get(),
                       static_cast<int>(std::clamp(busy_timeout_, std::chrono::milliseconds{}, longest).count()));
}

void database::run(const std::string& sql, const std::string& refusal) {
  const int code = sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code, refusal);
}

void database::refuse(const std::string& what) const { throw std::runtime_error(file::in_quotes(path_) + ": " + what); }

void database::fail(int code, const std::string& what) const { refuse(what + ": " + reason(code)); }

std::string database::reason(int code) const {
  const int kind = code & 0xff;
  // Not every call leaves its error in the connection.
  const bool is_noted = get() && (sqlite3_errcode(get()) & 0xff) == kind;
  std::string text = is_noted ? sqlite3_errmsg(get()) : sqlite3_errstr(code);
  // The system's error is kept for these only; for the others a number, which SQLite's pages explain, says more.
  if (is_noted && kind == SQLITE_CANTOPEN && sqlite3_system_errno(get()) != 0)
    text += " (" + std::generic_category().message(sqlite3_system_errno(get())) + ")";
  if (kind == SQLITE_IOERR) text += " (extended result code " + std::to_string(code) + ")";
  if (is_busy(code))
    text += "; another connection has held it for more than " + std::to_string(busy_timeout_.count()) +
            " ms: trying again can help when that one is done, or a longer sink_options::busy_timeout";
  return text;
}

}  // namespace freshet::sqlite
